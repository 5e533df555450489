#!/bin/sh
# Notebooks are stored without what running them leaves: outputs, counts, metadata of a machine. usage: notebooks.sh ROOT SCRATCH
set -eu
command -v python3 >/dev/null 2>&1 || exit 77
cd "$1"
python3 - notebooks/*.ipynb <<'END'
import json, sys

bad = 0
for path in sys.argv[1:]:
    book = json.load(open(path, encoding="utf-8"))
    wrong = []
    if set(book["metadata"]) - {"kernelspec", "language_info"} or set(book["metadata"]["language_info"]) != {"name"}:
        wrong.append("metadata of a machine")
    if book["metadata"]["kernelspec"] != {"display_name": "Python 3", "language": "python", "name": "python3"}:
        wrong.append("another kernel than python3")
    for cell in book["cells"]:
        if cell["metadata"] or cell.get("outputs") or cell.get("execution_count") is not None:
            wrong.append("cell %s is not stripped" % cell["id"])
    for what in wrong:
        print("%s: %s" % (path, what))
    bad += len(wrong)
print("%d notebooks" % len(sys.argv[1:]))
sys.exit(bad > 0)
END
