"""Writes the calls of test_values.c: every public function with one argument that is no good and all others right.

usage: values.py ROOT >values.inc. In turn: a pointer to a struct points to zeros; a number is below or beyond what there
is, or no number; an enumeration has a value that it does not have. And once all is right. Right arguments are those of
valid.h; a struct that is not there is zeros in any case. What values.txt names is left out or allowed.
"""

import os
import re
import sys

import cases
from declarations import declarations, function_types, public_headers

WHOLE = {"int": "INT_MIN", "long": "LONG_MIN", "int64_t": "INT64_MIN"}
REAL = ("NAN", "-1", "1e308", "-1e308")
ALSO = {"FILE *": "valid.file", "char *const *": "(char *const *)valid.texts", "const char *const *": "valid.texts",
        "const tr_array *const *": "valid.arrays", "tr_array *const *": "(tr_array *const *)valid.arrays",
        "const double *": "valid.nodes", "const tr_drift *": "valid.exact", "tr_ctx **": "made"}

# Of what valid.c makes.
TEXTS = {"kind": "sit", "name": "x", "path": "states.npy", "param": "shift"}


def typedefs(root):
    """Names of the structs, of the enumerations, and of the types that only their makers know."""
    structs, enums, known = set(), set(), set()
    for _, text in public_headers(root):
        structs |= set(re.findall(r"typedef struct\s*(?:\w+\s*)?\{(?:[^{}]|\{[^{}]*\})*\}\s*(tr_\w+)\s*;", text))
        structs |= set(re.findall(r"^struct (tr_\w+)\s*\{", text, re.M))
        structs |= set(re.findall(r"typedef tr_\w+ (tr_\w+);", text))
        enums |= set(re.findall(r"typedef enum\s*\{[^{}]*\}\s*(tr_\w+)\s*;", text))
        known |= set(re.findall(r"typedef struct (tr_\w+) tr_\w+;", text))
    return structs, enums, known - structs


def right_ones(root):
    """{type: is it a pointer} of valid.h."""
    with open(os.path.join(root, "tests/misuse/valid.h"), encoding="utf-8") as file:
        return {m[2]: m[1] == "*" for m in re.finditer(r"^  (?:const )?tr_\w+ (\*?)(tr_\w+);", file.read(), re.M)}


def exceptions():
    """({function}, {(function, argument)}) of values.txt."""
    out, allowed = set(), set()
    with open(os.path.join(cases.here, "values.txt"), encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            out |= set(words[:1]) if len(words) == 1 else set()
            allowed |= {(words[0], word) for word in words[1:]}
    return out, allowed


class Missing(Exception):
    """An opaque type of which valid.h has no object."""


class Writer:
    def __init__(self, root):
        self.root = root
        self.callbacks = function_types(root)
        self.structs, self.enums, self.opaque = typedefs(root)
        self.valid = right_ones(root)
        self.skipped, self.allowed = exceptions()
        self.may_be_null = cases.optional()
        self.used = set()

    def right(self, function, p):
        base = re.sub(r"\b(const|struct)\b|[ *]", "", p.type)
        if p.type in ALSO:
            return ALSO[p.type]
        if base in self.valid:
            stars = p.type.count("*")
            field = "valid." + base
            if stars == 2 and cases.is_made(p):
                return "made"
            if stars == 2:
                return "(void *)&" + field
            if self.valid[base]:
                return ("(void *)" if "const" not in p.type else "") + field
            return "&" + field if stars else field
        if p.type.count("*") == 1 and base in self.opaque:
            raise Missing(base)
        if p.type == "const char *" and p.name in TEXTS:
            return '"%s"' % ("SiT-S/2" if "_named" in function else TEXTS[p.name])
        text = cases.value(p, self.callbacks)
        return text.replace(")nothing", ")(void (*)(void))agree")

    def emit(self, d, parameters, i, what, wrong, strict):
        arguments = [wrong if j == i else self.right(d.name, p) for j, p in enumerate(parameters)]
        name = parameters[i].name if i >= 0 else "all"
        if (d.name, name) in self.allowed:
            self.used.add((d.name, name))
            strict = 0
        call = "%s(%s)" % (d.name, ", ".join(arguments))
        kind = "STATUS" if d.result == "tr_status" else "OTHER"
        print("%s(%s, %s, %s, %s, %s)" % (kind, d.name, name, what, strict, call))

    def wrong(self, p):
        """(what, value, whether it must be refused)"""
        base = re.sub(r"\b(const|struct)\b|[ *]", "", p.type)
        if base in self.structs and p.type.count("*") == 1 and base != "tr_ctx":
            yield "zeroed", "nought", 0
        elif base in self.structs and "*" not in p.type:
            yield "zeroed", "(%s){0}" % p.type, 0
        elif p.type in self.enums:
            yield "below", "(%s)-1" % p.type, 1
            yield "beyond", "(%s)77" % p.type, 1
        elif p.type in WHOLE:
            yield "below", "-1", 1
            yield "least", WHOLE[p.type], 1
            yield "beyond", "99", 0
        elif p.type == "double":
            for k, value in enumerate(REAL):
                yield ("nan", "minus", "huge", "minus_huge")[k], value, 0

    def write_calls(self, d, parameters):
        self.emit(d, parameters, -1, "right", "", 0)
        for i, p in enumerate(parameters):
            for what, value, strict in self.wrong(p):
                self.emit(d, parameters, i, what, value, strict)

    def write(self):
        for d in declarations(self.root):
            if d.kind != "function":
                continue
            if d.name in self.skipped:
                self.used.add(d.name)
                continue
            try:
                self.write_calls(d, [p for p in d.parameters if p.type != "..."])
            except Missing as missing:
                print("MISSING(%s, %s)" % (d.name, missing))
        stale = sorted(map(str, (self.skipped | self.allowed) - self.used))
        if stale:
            sys.exit("values.txt names what is not there: " + ", ".join(stale))


if __name__ == "__main__":
    Writer(sys.argv[1]).write()
