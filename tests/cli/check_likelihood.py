"""check_likelihood.py OUT DATA.npz: what a run of `transit likelihood --save-score` on images under a Linear velocity
model wrote, computed once more from its definitions with Python alone. Fails on the first difference."""
import ast
import json
import math
import statistics
import struct
import sys
import zipfile


def array(archive, name):
    raw = archive.read(name + ".npy")
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    code = {"<f8": "d", "<i4": "i", "<i8": "q", "|u1": "B"}[head["descr"]]
    return [v for (v,) in struct.iter_unpack("<" + code, raw[end:])]


def same(what, got, want, bound=1e-9):
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        if not abs(a - b) <= bound * max(1, abs(b)):
            sys.exit(f"{what}, number {i}: {a!r}, expected {b!r}")


def mean_and_error(values):
    return [statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))]


def check_fields(result, x, t):
    velocity, denoiser, score = (array(result, name) for name in ("velocity", "denoiser", "score"))
    same("denoiser", denoiser, [a + (1 - t) * v for a, v in zip(x, velocity)])
    same("score", score, [-(a - t * v) / (1 - t) for a, v in zip(x, velocity)], 1e-6)


def check_histogram(folder, bpd):
    rows = [line.split() for line in open(folder + "/histogram.dat") if not line.startswith("#")]
    middle, count = [float(r[0]) for r in rows], [int(r[1]) for r in rows]
    half = (middle[1] - middle[0]) / 2
    same("edges", [middle[0] - half, middle[-1] + half], [min(bpd), max(bpd)], 1e-6)
    places = [min(len(rows) - 1, int((b - min(bpd)) / (2 * half))) for b in bpd]
    same("counts", count, [places.count(i) for i in range(len(rows))])


def main(folder, data):
    run = json.load(open(folder + "/run.json"))
    with zipfile.ZipFile(folder + "/likelihood.npz") as result, zipfile.ZipFile(data) as images:
        logp, bpd = array(result, "logp"), array(result, "bpd")
        size = len(array(result, "latent")) // len(logp)
        x = [level / 127.5 - 1 for level in array(images, "images")[:size * len(logp)]]
        check_fields(result, x, array(result, "field_time")[0])
    same("bits per dimension", bpd, [-v / (size * math.log(2)) + math.log2(127.5) for v in logp])
    for key, values in (("logp_nats", logp), ("bits_per_dimension", bpd)):
        same(key, [run[key]["mean"], run[key]["standard_error"]], mean_and_error(values))
    check_histogram(folder, bpd)


main(*sys.argv[1:])
