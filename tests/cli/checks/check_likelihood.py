"""check_likelihood.py WHAT OUT DATA.npz [AGAIN]: what a run of `transit likelihood` on images wrote to OUT, computed once
more from its definitions with Python alone. Fails on the first difference. WHAT is
  numbers     of a run with --save-score under a Linear velocity model: fields, bits, means and errors, histogram
  check       the differences that --check reports, with the folder AGAIN that `transit sample ODE --with-logp` made from
              the latents, and the mean in the record of AGAIN
  uniform, gaussian (along VP)   of one draw of a dequantisation: ln P = ln p(x) - ln q(x | image), with AGAIN as above,
              whose samples are the dequantised images x"""
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


def check_means(run, **arrays):
    for key, values in arrays.items():
        same(key, [run[key]["mean"], run[key]["standard_error"]], mean_and_error(values))


def check_fields(result, x, t):
    velocity, denoiser, score = (array(result, name) for name in ("velocity", "denoiser", "score"))
    same("denoiser", denoiser, [a + (1 - t) * v for a, v in zip(x, velocity)])
    same("score", score, [-(a - t * v) / (1 - t) for a, v in zip(x, velocity)], 1e-6)


def check_dequantisation(folder, offset, code):
    found = arrays_of(folder + "/likelihood.npz", "bpd_offset", "dequantisation")
    same("offset and dequantisation", [v for [v] in found], [offset, code])


def check_histogram(folder, bpd):
    rows = [line.split() for line in open(folder + "/histogram.dat") if not line.startswith("#")]
    middle, count = [float(r[0]) for r in rows], [int(r[1]) for r in rows]
    half = (middle[1] - middle[0]) / 2
    same("edges", [middle[0] - half, middle[-1] + half], [min(bpd), max(bpd)], 1e-6)
    places = [min(len(rows) - 1, int((b - min(bpd)) / (2 * half))) for b in bpd]
    same("counts", count, [places.count(i) for i in range(len(rows))])


def levels_of(data, n):
    with zipfile.ZipFile(data) as images:
        return array(images, "images")[:n]


def arrays_of(path, *names):
    with zipfile.ZipFile(path) as archive:
        return [array(archive, name) for name in names]


def check_numbers(folder, data):
    run = json.load(open(folder + "/run.json"))
    with zipfile.ZipFile(folder + "/likelihood.npz") as result:
        logp, bpd, latent = (array(result, name) for name in ("logp", "bpd", "latent"))
        size = len(latent) // len(logp)
        x = [level / 127.5 - 1 for level in levels_of(data, len(latent))]
        check_fields(result, x, array(result, "field_time")[0])
    check_dequantisation(folder, math.log2(127.5), 0)
    same("bits per dimension", bpd, [-v / (size * math.log(2)) + math.log2(127.5) for v in logp])
    check_means(run, logp_nats=logp, bits_per_dimension=bpd)
    check_histogram(folder, bpd)


def check_directions(folder, data, again):
    check = json.load(open(folder + "/run.json"))["check"]
    (back,), (there, x) = arrays_of(folder + "/likelihood.npz", "logp"), arrays_of(again + "/samples.npz", "logp", "latents")
    check_means(json.load(open(again + "/run.json")), logp_nats=there)
    differ = [abs(a - b) for a, b in zip(there, back, strict=True)]
    moved = [abs(a - (level / 127.5 - 1)) for a, level in zip(x, levels_of(data, len(x)), strict=True)]
    same("differences", [check["largest_difference_of_logp_nats"], check["largest_difference_of_data"]],
         [max(differ), max(moved)])


def vp_at(t):
    alpha = math.exp(-(1 - t) ** 2 * (20 - 0.1) / 4 - (1 - t) * 0.1 / 2)
    return alpha, math.sqrt(1 - alpha * alpha)


def log_gaussian(x, levels, t):
    """ln q of noise at t that stays in the bin, a list of one term a pixel."""
    alpha, sigma = vp_at(t)
    inside = math.erf(alpha / 255 / sigma / math.sqrt(2))
    e = [(a - alpha * (level / 127.5 - 1)) / sigma for a, level in zip(x, levels, strict=True)]
    if max(map(abs, e)) > alpha / 255 / sigma + 1e-3:
        sys.exit("a draw lies outside its bin")
    return [-v * v / 2 - math.log(sigma * inside * math.sqrt(2 * math.pi)) for v in e]


def log_uniform(x, levels):
    shift = [(a + 1) * 127.5 - level for a, level in zip(x, levels, strict=True)]
    if not (max(map(abs, shift)) <= 0.5 + 1e-2 and statistics.pstdev(shift) > 0.2):
        sys.exit("the draws are not spread over their bins")
    return [math.log(127.5)] * len(x)


def check_dequantised(kind, folder, data, again):
    run = json.load(open(folder + "/run.json"))
    (logp,), (log_p, x) = arrays_of(folder + "/likelihood.npz", "logp"), arrays_of(again + "/samples.npz", "logp", "latents")
    check_dequantisation(folder, math.log2(127.5), {"uniform": 1, "gaussian": 2}[kind])
    levels, size = levels_of(data, len(x)), len(x) // len(logp)
    log_q = log_uniform(x, levels) if kind == "uniform" else log_gaussian(x, levels, run["t_data"])
    bound = [p - sum(log_q[i * size:(i + 1) * size]) for i, p in enumerate(log_p)]
    same("ln P", [v - size * math.log(127.5) for v in logp], bound, 1e-4)


what, *rest = sys.argv[1:]
if what in ("uniform", "gaussian"):
    check_dequantised(what, *rest)
else:
    {"numbers": check_numbers, "check": check_directions}[what](*rest)
