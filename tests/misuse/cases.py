"""Writes the calls of test_face.c: every public function with each of its pointers NULL in turn.

usage: cases.py ROOT >cases.inc. All other arguments are there: contexts and arrays are real ones, whatever else is a pointer
points to zeros, and a number is one. That is enough, because NULL is noticed before anything else. A new public function
is in the test by itself; a pointer that may be NULL is named in optional.txt.
"""

import os
import re
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "support"))

from declarations import declarations, function_types, public_headers

NUMBERS = ("bool", "double", "float", "int", "long", "size_t")

VALUES = {
    "tr_ctx *": "ctx",
    "const tr_ctx *": "ctx",
    "tr_array *": "array",
    "const tr_array *": "array",
}


def is_pointer(type_, callbacks):
    return type_.endswith("*") or type_ in callbacks or "(*)" in type_


def is_made(p):
    """A new object goes there, which is NULL after a failure."""
    return p.name == "out" and re.match(r"tr_\w+ \*\*$", p.type)


def value(p, callbacks):
    type_ = p.type
    if is_made(p):
        return "made"
    if p.name == "format":  # compilers want to see it
        return '"text"'
    if type_ in VALUES:
        return VALUES[type_]
    if type_ in callbacks or "(*)" in type_:
        return "(%s)nothing" % type_.replace("(*)(", "(*)(")
    if type_.endswith("*"):
        return "zeros"
    is_number = type_ in NUMBERS or re.match(r"u?int\d+_t$", type_)
    return "1" if is_number else "(%s){0}" % type_


def optional():
    """{(function, argument)}; a function alone, "tr_x *", has none that must be there."""
    found = set()
    with open(os.path.join(here, "optional.txt"), encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            found |= {(words[0], word) for word in words[1:]}
    return found


def main(root):
    callbacks, may_be_null, known = function_types(root), optional(), set()
    for d in declarations(root):
        parameters = [p for p in d.parameters if p.type != "..."]
        if not all(p.name for p in parameters):
            sys.exit("%s: name the parameters of %s" % (d.header, d.name))
        for i, p in enumerate(parameters):
            if not is_pointer(p.type, callbacks):
                continue
            known.add((d.name, p.name))
            if (d.name, p.name) in may_be_null:
                continue
            arguments = [value(q, callbacks) if j != i else "NULL" for j, q in enumerate(parameters)]
            call = "%s(%s)" % (d.name, ", ".join(arguments))
            if d.result == "tr_status":
                makes = any(is_made(q) for q in parameters if q != p)
                told = any(argument in ("ctx", "array") for argument in arguments)
                print("STATUS(%s, %s, %d, %d, %s)" % (d.name, p.name, makes, told, call))
            else:
                print("OTHER(%s, %s, %s)" % (d.name, p.name, call))
    stale = sorted(may_be_null - known)
    if stale:
        sys.exit("optional.txt names what is not there: " + ", ".join(" ".join(pair) for pair in stale))


if __name__ == "__main__":
    main(sys.argv[1])
