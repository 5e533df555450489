"""What the notebooks share: running transit, reading what it wrote, means with intervals, axes."""
import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator

ROOT = Path(__file__).resolve().parent.parent
OUT = Path(os.environ.get("TRANSIT_NOTEBOOKS_OUT", ROOT / "out" / "notebooks"))
DIGITS = ROOT / "experiments" / "digits" / "digits-ema.pt"
DIGITS_DATA = ROOT / "experiments" / "digits" / "digits.npz"

EVALUATIONS = "network evaluations"  # what most plots have below

# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom.
STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]

plt.rcParams.update({"figure.figsize": (6.5, 4), "axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False,
                     "axes.spines.right": False, "legend.frameon": False, "figure.constrained_layout.use": True})


def program():
    """The program: $TRANSIT, that of the build folder, or the one in the path."""
    for found in (os.environ.get("TRANSIT"), ROOT / "build" / "transit", shutil.which("transit")):
        if found and os.access(found, os.X_OK):
            return str(found)
    raise FileNotFoundError("no transit: build it (sh experiments/demo.sh), or say where it is in $TRANSIT")


def run(name, *words):
    """Runs `transit WORDS --out OUT/NAME` and returns that folder. A run that is complete there is not made again."""
    folder = OUT / name
    words = [str(word) for word in words]
    told = folder / "asked.json"
    if told.exists() and json.loads(told.read_text()) == words:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    told.unlink(missing_ok=True)
    done = subprocess.run([program(), *words, "--force", "--out", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"transit ended with status {done.returncode}")
    told.write_text(json.dumps(words))
    return folder


def rows(folder):
    """results.csv as a list of dicts: numbers where a field is one, None where it is empty. Runs that failed are left out."""
    def value(text):
        try:
            return float(text)
        except ValueError:
            return text or None
    with open(folder / "results.csv", newline="") as file:
        table = [{key: value(text) for key, text in row.items()} for row in csv.DictReader(file)]
    return [row for row in table if row.get("status", "ok") == "ok"]


def read(path):
    """The columns of a file of numbers with one line of names."""
    return np.loadtxt(path, delimiter=",", skiprows=1).T


def record(folder):
    """run.json of a run."""
    return json.loads((folder / "run.json").read_text())


def student(freedom):
    """The 97.5 % quantile of Student's t."""
    return STUDENT[freedom - 1] if freedom <= len(STUDENT) else 1.96 + 2.4 / freedom


def interval(values):
    """Mean, and half the width of its 95 % interval by Student's t (0 for a single value)."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), 0.0
    return float(values.mean()), float(student(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def groups(table, *keys):
    """{values of the keys: rows that have them}, in the order of the table."""
    found = {}
    for row in table:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def curve(table, x, y, label, axes=None, **style):
    """y against x for one method: a point for each setting, the mean over the seeds with its interval."""
    axes = axes or plt.gca()
    points = sorted((np.mean([r[x] for r in g]), *interval([r[y] for r in g])) for g in groups(table, "steps", "rtol").values())
    at, mean, half = np.array(points).T
    return axes.errorbar(at, mean, np.minimum(half, 0.9 * mean), label=label, marker="o", markersize=4, capsize=2, linewidth=1.2, **style)


def loglog(axes, x, y, title=None):
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y, title=title)
    if x == EVALUATIONS:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())


def symlog(axis, linear, least=0.0):
    """An axis that is linear around 0, up to this, and logarithmic beyond, from -linear, or `least`, on; bars may leave it."""
    getattr(axis.axes, f"set_{axis.axis_name}scale")("symlog", linthresh=linear)
    low, high = getattr(axis.axes, f"get_{axis.axis_name}lim")()
    getattr(axis.axes, f"set_{axis.axis_name}lim")(max(low, min(-linear, least)), high)
    decades = linear * 10.0 ** np.arange(0, 8)
    axis.set_major_locator(FixedLocator([*-decades[::-1], 0, *decades]))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())
