"""The tables and plots of a sweep, computed once more from its results.csv. usage: check_sweep.py FOLDER PATH"""

import csv
import math
import statistics
import sys

STUDENT = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 5: 2.57058, 6: 2.44691, 7: 2.36462}
folder, path = sys.argv[1:]


def close(what, got, want, bound=0.006):
    if got == "-" and want is None:
        return
    if want is None or got == "-" or not abs(float(got) - want) <= bound * abs(want) + 1e-12:
        sys.exit(f"{what}: {got}, expected {want}")


def number(row, name):
    return float(row[name]) if row[name] else math.nan


def label(row):
    grid = "" if row["grid"] in ("", "uniform") else f", {row['grid']} grid"
    if row["mode"] == "SDE" and row["rtol"] and not row["steps"]:
        grid = ", adaptive"
    return row["solver"] + grid


def amount(row):
    return f"{row['steps']} step{'s' * (row['steps'] != '1')}" if row["steps"] else f"rtol {float(row['rtol']):.3g}"


def key(row):
    form = f"{row['form']}, n = {float(row['norm']):g}" if row["form"] else ""
    return label(row), form, row["last_step"], amount(row)


def tables():
    """Every table of the path's section: a list of rows of cells, the heading first."""
    text = open(folder + "/table.md").read().split(f"\n## {path} path\n")[1].split("\n## ")[0]
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("|"):
            cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            yield [cells[0]] + cells[2:]


def check_mean(what, cell, values):
    mean, n = statistics.fmean(values), len(values)
    close(what, cell.split()[0], mean)
    if n < 2:
        return
    half = STUDENT[n - 1] * statistics.stdev(values) / math.sqrt(n)
    low, high = cell[cell.index("[") + 1:-1].split(", ")
    close(what + ", lower end", low, max(0, mean - half))
    close(what + ", upper end", high, mean + half)


def bias(rows, of):
    return math.sqrt(max(0, statistics.fmean(number(r, of + "_error") ** 2 - number(r, of + "_noise") ** 2 for r in rows)))


def check_bias(what, cell, want):
    close(what, cell.split()[0], want)
    if "[" not in cell:
        return
    low, high = (float(v) for v in cell[cell.index("[") + 1:-1].split(", "))
    if not (0 <= low <= high and high > 0 and low <= want * 1.01):
        sys.exit(f"{what}: {cell} is no interval around {want}")


rows = [r for r in csv.DictReader(open(folder + "/results.csv")) if r["path"] == path]
runs = {}
for row in rows:
    runs.setdefault(key(row), []).append(row)
relative = not open(folder + "/table.md").read().startswith("# Sweep of g")
samples = ("tight" if relative else "exact") + " samples"
error = {k: statistics.fmean(number(r, "relative" if relative else "rms") for r in v) for k, v in runs.items() if v[0]["mode"] == "ODE"}
nfe = {k: statistics.fmean(float(r["nfe"]) for r in v) for k, v in runs.items()}
well = {k: all(r["status"] == "ok" for r in v) for k, v in runs.items()}


def needed(solver, level):
    mine = [k for k in error if k[0] == solver]
    bad = max((nfe[k] for k in mine if not (well[k] and error[k] <= level)), default=-1)
    return min((nfe[k] for k in mine if nfe[k] > bad), default=None)


def check_needed(table):
    for solver, *cells in table[1:]:
        for level, cell in zip(table[0][1:], cells, strict=True):
            close(f"{solver} for {level}", cell, needed(solver, float(level)))


def check_ratio(table):
    for solver, *cells in table[1:]:
        for level, cell in zip(table[0][1:], cells, strict=True):
            a, b = needed(solver, float(level)), needed("dopri5", float(level))
            close(f"{solver} over dopri5 for {level}", cell, a / b if a and b else None, 0.06)


def check_budget(table):
    for solver, *cells in table[1:]:
        for budget, cell in zip(table[0][1:], cells, strict=True):
            want = min((e for k, e in error.items() if k[0] == solver and well[k] and nfe[k] <= float(budget)), default=None)
            close(f"{solver} within {budget}", cell, want, 0.06)


def check_runs(table):
    for solver, setting, evaluations, accepted, rejected, e, seconds, fate in table[1:]:
        mine = runs[solver, "", "", setting]
        for cell, name in ((evaluations, "nfe"), (accepted, "accepted"), (rejected, "rejected")):
            close(f"{name} of {solver}", cell, statistics.fmean(float(r[name]) for r in mine))
        check_mean(f"error of {solver}, {setting}", e, [number(r, "relative" if relative else "rms") for r in mine])
        close(f"seconds of {solver}", seconds, statistics.fmean(number(r, "wall_seconds") for r in mine), 0.06)
        if fate != "all":
            sys.exit(f"{solver}: {fate}")
    if len(table) - 1 != len(error):
        sys.exit(f"{len(table) - 1} runs in the table, {len(error)} in results.csv")


def check_law(table):
    if table[1][0] != samples:
        sys.exit(f"the table's first row is of {table[1][0]}, not of {samples}")
    check_mean("floor", table[1][9], [number(r, "sw2_floor") for r in next(iter(runs.values()))])
    for row in table[2:]:
        mine = runs[row[0], row[1], row[4], row[5]]
        close(f"evaluations of {row[0]}", row[6], statistics.fmean(float(r["nfe"]) for r in mine))
        check_bias(f"bias of the mean of {row[:6]}", row[7], bias(mine, "mean"))
        check_bias(f"bias of the covariance of {row[:6]}", row[8], bias(mine, "cov"))
        check_mean(f"distance of {row[:6]}", row[9], [number(r, "sw2") for r in mine])
    if len(table) - 2 != len(runs):
        sys.exit(f"{len(table) - 2} rows in law, {len(runs)} settings in results.csv")


AXES = {
    "work-precision": ("relative" if relative else "root mean square") + " error at t = 1",
    "covariance": "bias of the covariance",
    "sliced-w2": f"sliced Wasserstein-2 distance to {samples}",
}


def points_of(name):
    """The lines of a plot's data but for those of its floor, which is named as in the table's first row."""
    text = open(f"{folder}/{name}-{path}.dat").read()
    head, *floor = text.split(f"\n\n\n# {samples}\n")
    script = open(f"{folder}/{name}-{path}.gp").read()
    if len(floor) != (name == "sliced-w2") or script.count(samples) != 3 * len(floor):
        sys.exit(f"{name}: its floor is not that of {samples}")
    if f"# evaluations, {AXES[name]}, ends" not in head or f"set ylabel '{AXES[name]}'" not in script.replace('"', "'"):
        sys.exit(f"{name}: its axis is not '{AXES[name]}'")
    if ("tight" if samples.startswith("exact") else "exact") + " samples" in text + script:
        sys.exit(f"{name} speaks of samples that it was not compared with")
    return [line for line in head.splitlines() if line and not line.startswith("#")]


def check_plot(name, values):
    """The plot shows what the table does, point by point."""
    points = sorted(float(line.split()[1]) for line in points_of(name))
    want = sorted(v for v in values if v > 0)
    for a, b in zip(points, want, strict=True):
        close(f"a point of {name}", a, b, 1e-4)


def check_ends(name):
    """Every point lies in its interval, whose ends are where those of the rows are."""
    for line in points_of(name):
        evaluations, value, low, high = map(float, line.split())
        if not low <= value <= high:
            sys.exit(f"{name}: {line}")
        mine = [v for k, v in runs.items() if abs(nfe[k] - evaluations) <= 1e-5 * evaluations]
        column = {"sliced-w2": "sw2", "work-precision": "relative" if relative else "rms"}.get(name)
        if column and len(mine[0]) > 1 and not any(ends_fit([number(r, column) for r in v], value, low, high) for v in mine):
            sys.exit(f"{name}: the ends of {line} are those of no rows")


def ends_fit(values, value, low, high):
    mean, half = statistics.fmean(values), STUDENT[len(values) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    want = mean, mean - half if mean > half else mean, mean + half
    return all(abs(a - b) <= 1e-4 * abs(b) for a, b in zip((value, low, high), want))


found = list(tables())
checks = [check_needed] + [check_ratio] * any("over the evaluations" in t for t in [open(folder + "/table.md").read()]) + [check_budget, check_runs]
if any(r["mode"] == "SDE" for r in rows):
    checks = (checks if error else []) + [check_law]
    check_plot("covariance", [bias(v, "cov") for v in runs.values()])
    check_ends("covariance")
    check_ends("sliced-w2")
    check_plot("sliced-w2", [statistics.fmean(number(r, "sw2") for r in v) for v in runs.values()])
    if not all(number(r, "sw2_floor") > 0 for r in rows):
        sys.exit("a distance of 0 between two sets of samples")
if error:
    check_plot("work-precision", error.values())
    check_ends("work-precision")
if len(checks) != len(found):
    sys.exit(f"{len(found)} tables, expected {len(checks)}")
for check, table in zip(checks, found):
    check(table)
