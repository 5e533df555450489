"""The tables of an ablation, computed once more from its results.csv. usage: check_ablate.py FOLDER"""

import csv
import json
import math
import os
import statistics
import sys

STUDENT = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 5: 2.57058}
folder = sys.argv[1]
rows = list(csv.DictReader(open(folder + "/results.csv")))
manifest = json.load(open(folder + "/manifest.json"))
cells = {}
for row in rows:
    cells.setdefault((row["path"], row["prediction"], row["loss_weight"]), []).append(row)
seeds = len(rows) // len(cells)
third = "kl" if rows[0]["kl"] else "bpd"
COLUMNS = {"ODE": "ode_energy", "SDE": "sde_energy", "KL": "kl", "bits/dim": "bpd"}


def numbers(key, column):
    return [float(row[column]) if row[column] else math.nan for row in cells[key]]


def interval(values):
    values = [v for v in values if math.isfinite(v)]
    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return mean, math.nan, math.nan
    half = STUDENT[n - 1] * statistics.stdev(values) / math.sqrt(n)
    return mean, mean - half, mean + half


def say(values, digits=3):
    mean, low, high = interval(values)
    return f"{mean:.{digits}g}" if math.isnan(low) else f"{mean:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def close(what, got, want):
    """The same text but for the last digit of a number."""
    a, b = (text.replace("[", " ").replace("]", " ").replace(",", " ").split() for text in (got, want))
    if len(a) != len(b) or any(x != y and not abs(float(x) - float(y)) <= 0.011 * abs(float(y)) for x, y in zip(a, b)):
        sys.exit(f"{what}: {got}, expected {want}")


def difference(a, b):
    return [x - y for x, y in zip(a, b)]


def tables():
    blocks = open(folder + "/table.md").read().split("\n\n")
    for block in blocks:
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("|"):
            cut = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
            yield cut[0], cut[2:]


def best(column):
    """The cells that are bold, and those that are marked as close."""
    means = {key: interval(numbers(key, column))[0] for key in cells}
    least = min(means, key=means.get)
    if seeds < 2:
        return set(), set()
    apart = {key: interval(difference(numbers(key, column), numbers(least, column)))[1] > 0 for key in cells if key != least}
    if apart and all(apart.values()):
        return {least}, set()
    return set(), {least} | {key for key, far in apart.items() if not far}


found = list(tables())
assert manifest["command"] == "ablate" and len(manifest["cells"]) == len(rows), manifest["cells"]
for name in manifest["cells"]:
    lines = open(f"{folder}/cells/{name}/losses.csv").read().splitlines()
    assert lines[0] == "step,loss" and int(lines[-1].split(",")[0]) == manifest["options"]["max-steps"], name

head, body = found[0]
assert head[3:6] == ["ODE", "SDE", "KL" if third == "kl" else "bits/dim"], head
assert [tuple(line[:3]) for line in body[:-1]] == list(cells), body
marks = 0
for at, title in enumerate(head[3:6], start=3):
    bold, near = best(COLUMNS[title])
    for line in body[:-1]:
        key = tuple(line[:3])
        text = line[at]
        close(f"{key} {title}", text.replace("**", "").replace(" ~", ""), say(numbers(key, COLUMNS[title]), 5 if title == "bits/dim" else 3))
        assert ("**" in text) == (key in bold) and ("~" in text) == (key in near), (key, title, text, bold, near)
        marks += "**" in text or "~" in text
assert marks >= (3 if seeds > 1 else 0)
assert body[-1][0] == "floor"
close("floor", body[-1][3], say(numbers(next(iter(cells)), "floor_energy")))

head, body = found[1]
assert head[3] == "SDE - ODE"
for line in body:
    key = tuple(line[:3])
    values = difference(numbers(key, "sde_energy"), numbers(key, "ode_energy"))
    mean, low, high = interval(values)
    word = ", SDE worse" if low > 0 else ", SDE better" if high < 0 else ""
    assert line[3].endswith(word) and ("SDE" in line[3]) == bool(word), line
    close(f"{key} SDE - ODE", line[3].replace(word, "") if word else line[3], say(values))

if len(found) > 2:
    head, body = found[2]
    for line in body:
        key = tuple(line[:3])
        base = (key[0], "velocity", "any")
        for at, title in enumerate(head[3:], start=3):
            values = difference(numbers(key, COLUMNS[title]), numbers(base, COLUMNS[title]))
            mean, low, high = interval(values)
            word = ", worse" if low > 0 else ", better" if high < 0 else ""
            assert line[at].endswith(word), line
            close(f"{key} {title} against velocity", line[at].replace(word, "") if word else line[at], say(values))
print(f"{os.path.basename(folder)}: {len(rows)} rows, {len(found)} tables")
