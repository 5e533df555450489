"""The rows of a sweep of a checkpoint in f64, against runs of `transit sample` with the same seeds and the tight solves in the
folder. usage: check_sweep_runs.py TRANSIT CKPT FOLDER SCRATCH [OPTION...]; the options go to every sample."""

import ast
import csv
import glob
import json
import math
import os
import struct
import subprocess
import sys
import zipfile

transit, ckpt, folder, scratch, *options = sys.argv[1:]
CODES = {"<f8": "d", "<i4": "i", "|u1": "B"}
FIELD = json.load(open(folder + "/manifest.json"))["options"]


def array(path, name):
    raw = zipfile.ZipFile(path).read(name + ".npy")
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    return [v for (v,) in struct.iter_unpack("<" + CODES[head["descr"]], raw[end:])]


def close(what, got, want, bound=1e-7):
    if not abs(float(got) - want) <= bound * max(abs(want), 1e-9):
        sys.exit(f"{what}: {got}, expected {want}")


def rms(values):
    return math.sqrt(sum(v * v for v in values) / len(values))


def tight(path, start):
    (found,) = glob.glob(f"{folder}/tight-{path}-{start}-*.npz")
    return array(found, "state")


def sampled(row):
    """The samples of a row and the record of their run."""
    ode = row["mode"] == "ODE"
    words = [transit, "sample", row["mode"], "--ckpt", ckpt, "--dtype", "f64", "--seed", row["seed"], "--sampling-method", row["solver"],
             "--num-samples", FIELD["num-samples"], "--batch-size", 1000, "--sample-eps", 0, "--out", scratch + "/row", "--force", *options]
    words += ["--sample-path", row["path"]]
    if row["steps"]:
        words += ["--num-sampling-steps", int(row["steps"]) + 1, "--time-grid", row["grid"]]
    else:
        words += ["--rtol", row["rtol"], "--atol", row["rtol"] if FIELD["atol"] is None else FIELD["atol"]]
    if not ode:
        words += ["--diffusion-form", row["form"], "--diffusion-norm", row["norm"], "--last-step", row["last_step"], "--last-step-size",
                  FIELD["last-step-size"]]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return array(scratch + "/row/samples.npz", "latents"), json.load(open(scratch + "/row/run.json"))


def moments(values, n):
    """Mean and unbiased variance of every number of n samples."""
    size = len(values) // n
    columns = [values[i::size] for i in range(size)]
    mean = [sum(c) / n for c in columns]
    return mean, [sum((v - m) ** 2 for v in c) / (n - 1) for c, m in zip(columns, mean)]


def average(lists):
    return [sum(values) / len(values) for values in zip(*lists)]


def distance2(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def check_law(row, values):
    n, sets = int(FIELD["num-samples"]), int(FIELD["reference-sets"] if "reference-sets" in FIELD else FIELD["tight-sets"])
    of = [moments(tight(row["path"], f"set-{k}"), n) for k in range(sets)]
    means, variances = ([m[i] for m in of] for i in (0, 1))
    mean, variance = average(means), average(variances)
    scale = {"mean": sum(variance), "cov": sum(v * v for v in variance)}
    mine = moments(values, n)
    for name, value, centre, all_sets in (("mean", mine[0], mean, means), ("cov", mine[1], variance, variances)):
        close(f"{name}_error of {row}", row[name + "_error"], math.sqrt(distance2(value, centre) / scale[name]))
        noise = sum(distance2(m, centre) for m in all_sets) / (sets - 1) * (1 + 1 / sets) / scale[name]
        close(f"{name}_noise of {row}", row[name + "_noise"], math.sqrt(noise))


def check(row):
    values, record = sampled(row)
    for column, key in (("nfe", "nfe"), ("accepted", "n_steps"), ("rejected", "n_rejected")):
        close(f"{column} of {row}", row[column], record[key])
    if row["mode"] == "ODE":
        end = tight(row["path"], f"seed-{row['seed']}")
        off = rms([a - b for a, b in zip(values, end, strict=True)])
        close(f"rms of {row}", row["rms"], off)
        close(f"relative error of {row}", row["relative"], off / rms(end))
    if row["cov_error"]:
        check_law(row, values)


rows = list(csv.DictReader(open(folder + "/results.csv")))
for row in rows:
    check(row)
print(f"{len(rows)} rows")
