"""What public headers declare: functions and data named tr_*, for the tests of the public face.

declarations(folder) reads the public headers of the sources, or of an installation. It knows the C that they are
written in (clang-format checks the form): no macros that make declarations, no nested parentheses in parameters but
those of callbacks. `python3 declarations.py FOLDER` prints the names, sorted.
"""

import os
import re
import sys
from collections import namedtuple

Declaration = namedtuple("Declaration", "header name kind result parameters is_api")
Parameter = namedtuple("Parameter", "type name")


def _without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def _without_preprocessor(text):
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif$", "", text, flags=re.S | re.M)
    text = re.sub(r"\\\n", " ", text)
    return re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)


def _without_bodies(text):
    """Braces and what they hold become a blank; the body of a function ends its statement."""
    out, depth = [], 0
    for c in text:
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0 and re.search(r"\)\s*$", "".join(out[-40:])):
                out.append(";")
        elif depth == 0:
            out.append(c)
    return "".join(out)


def _parameters(text):
    """"const tr_array *x, int n" as a list; `text` has no outer parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text + ","):
        depth += c in "(["
        depth -= c in ")]"
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    if parts == ["void"]:
        return []
    return [_parameter(part) for part in parts]


def _parameter(part):
    if part == "...":
        return Parameter("...", "")
    callback = re.match(r"(.*)\(\*\s*(\w+)\)\s*\((.*)\)$", part, re.S)
    if callback:
        return Parameter("%s(*)(%s)" % (callback[1].strip(), callback[3]), callback[2])
    array = re.match(r"(.*?)(\w+)\s*((?:\[[^]]*\])+)$", part, re.S)
    if array:
        return Parameter(array[1].strip() + " *", array[2])
    named = re.match(r"(.*?[\s*])(\w+)$", part, re.S)
    words = re.findall(r"\w+", part)
    if named and len([w for w in words if w not in ("const", "struct", "unsigned")]) > 1:
        return Parameter(re.sub(r"\s+", " ", named[1].strip()), named[2])
    return Parameter(re.sub(r"\s+", " ", part), "")


def _statement(header, text):
    text = re.sub(r"__attribute__\s*\(\(.*\)\)", "", text, flags=re.S)
    text = re.sub(r"\s+", " ", text).strip()
    is_api = text.startswith("TR_API ")
    text = text[len("TR_API "):] if is_api else text
    if text.startswith(("typedef ", "static ", "_Static_assert")):
        return []
    function = re.match(r"(?:extern )?([\w *]+?[ *])(tr_\w+) ?\((.*)\)$", text)
    if function:
        parameters = _parameters(function[3])
        return [Declaration(header, function[2], "function", function[1].strip(), parameters, is_api)]
    if text.startswith("extern "):
        names = re.findall(r"\btr_\w+(?= ?(?:,|$|\[))", text)
        return [Declaration(header, name, "data", "", [], is_api) for name in names]
    return []


def is_public(header):
    """The rule of cmake/install.cmake."""
    return (
        re.match(r"(core|integrators|transport|nets)/|transit\.h$", header)
        and not header.endswith("_private.h")
        and not header.startswith(("core/cpu/", "integrators/sundials/"))
    )


def public_headers(folder):
    """Paths from the folder, sorted, each with its text: without comments and preprocessor lines."""
    for where, folders, names in sorted(os.walk(folder)):
        folders[:] = [name for name in folders if not name.startswith(("build", "."))]
        for name in sorted(names):
            header = os.path.relpath(os.path.join(where, name), folder)
            if name.endswith(".h") and is_public(header):
                with open(os.path.join(folder, header), encoding="utf-8") as file:
                    yield header, _without_preprocessor(_without_comments(file.read()))


def declarations(folder):
    found = []
    for header, text in public_headers(folder):
        for statement in _without_bodies(text).split(";"):
            found += _statement(header, statement)
    return found


def function_types(folder):
    """Names of the types of callbacks: typedef RESULT (*NAME)(...)."""
    return {name for _, text in public_headers(folder) for name in re.findall(r"typedef[^;{}]*?\(\*\s*(\w+)\)\s*\(", text)}


if __name__ == "__main__":
    print("\n".join(sorted({d.name for d in declarations(sys.argv[1])})))
