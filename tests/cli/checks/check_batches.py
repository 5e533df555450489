"""Runs of several batches, against what each batch gives alone and what can be counted on paper: run.json, the arrays and
the pictures, computed once more with Python alone. usage: check_batches.py TRANSIT CKPT IMAGES.npz SCRATCH"""

import ast
import json
import math
import os
import statistics
import struct
import subprocess
import sys
import zipfile
import zlib

transit, ckpt, images, scratch = sys.argv[1:]
CODES = {"<f8": "d", "<f4": "f", "<i4": "i", "<i8": "q", "|u1": "B"}
STUDENT = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 5: 2.57058, 6: 2.44691}
LABELS = [0, 1, 2, 8, 1, 1, 7]


def fail(what):
    sys.exit(what)


def same(what, got, want, bound=0.0):
    if len(got) != len(want) or not all(abs(a - b) <= bound * max(1, abs(b)) for a, b in zip(got, want)):
        fail(f"{what}: {got!r:.300}, expected {want!r:.300}")


def equal(what, got, want):
    if got != want:
        fail(f"{what}: {got!r}, expected {want!r}")


def npz(path):
    """{name: (shape, numbers)}"""
    out = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            raw = archive.read(entry)
            end = 10 + struct.unpack("<H", raw[8:10])[0]
            head = ast.literal_eval(raw[10:end].decode())
            out[entry[:-4]] = head["shape"], [v for (v,) in struct.iter_unpack("<" + CODES[head["descr"]], raw[end:])]
    return out


def npy_bytes(code, shape, values):
    head = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    head += " " * (117 - len(head)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(values)}{CODES[code]}", *values)


def run(name, *arguments, command=("sample", "ODE")):
    """The record and the arrays of a run."""
    out = os.path.join(scratch, name)
    words = [transit, *command, "--ckpt", ckpt, "--out", out, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        fail(f"{' '.join(words)}: {done.stderr}")
    found = {"sample": "samples.npz", "field": "field.npz"}.get(command[0], "likelihood.npz")
    return json.load(open(os.path.join(out, "run.json"))), npz(os.path.join(out, found))


def rows(values, n, first, count):
    size = len(values) // n
    return values[first * size:(first + count) * size]


def stands(batches):
    """The batch whose numbers stand at the top: one that was cut short, else the one with the most evaluations."""
    cut = [b for b in batches if b["stop_reason"] != "end"]
    return max(cut or batches, key=lambda b: b["nfe"])


def check_top(record):
    batches = record["batches"]
    for key in ("nfe", "n_steps", "n_rejected", "t_end", "stop_reason"):
        equal(f"{key} of the record", record[key], stands(batches)[key])
    equal("evaluations of all", record["nfe_all_batches"], sum(b["nfe"] for b in batches))


def starts():
    return run("starts", "--num-samples", 7, "--class-labels", ",".join(map(str, LABELS)), "--dtype", "f64", "--seed", 5,
               "--sampling-method", "euler", "--max-nfe", 1)[1]["latents"]


def part_of(shape, values, name, first, count):
    path = os.path.join(scratch, name + ".npy")
    open(path, "wb").write(npy_bytes("<f8", (count, *shape[1:]), rows(values, shape[0], first, count)))
    return path


def alone(shape, values, first, count, *arguments):
    """A batch as a run of its own."""
    init = part_of(shape, values, f"part{first}", first, count)
    return run(f"alone{first}", "--init", init, "--class-labels", ",".join(map(str, LABELS[first:first + count])), "--dtype", "f64",
               *arguments)


def whole(shape, values, size, *arguments):
    init = part_of(shape, values, "all", 0, 7)
    return run("whole", "--init", init, "--class-labels", ",".join(map(str, LABELS)), "--dtype", "f64", "--batch-size", size, "--force",
               *arguments)


def check_adaptive(shape, values, size, *arguments):
    record, arrays = whole(shape, values, size, *arguments)
    equal("batches", [(b["first"], b["samples"]) for b in record["batches"]], [(k, min(size, 7 - k)) for k in range(0, 7, size)])
    check_top(record)
    reached = len(arrays["times"][1])
    for batch in record["batches"]:
        first, count = batch["first"], batch["samples"]
        its, its_arrays = alone(shape, values, first, count, "--force", *arguments)
        for key in ("nfe", "n_steps", "n_rejected", "t_end", "stop_reason"):
            equal(f"{key} of the batch at {first}", batch[key], its[key])
        same(f"samples from {first} on", rows(arrays["latents"][1], 7, first, count), its_arrays["latents"][1])
        for t in range(reached):
            same(f"trajectory from {first} on", rows(rows(arrays["trajectory"][1], reached, t, 1), 7, first, count),
                 rows(its_arrays["trajectory"][1], len(its_arrays["times"][1]), t, 1))
    return record


def check_counts():
    """dopri5: 6 evaluations a step, tried or taken, and one to begin with. Which batch stands at the top is no accident of
    their order."""
    shape, values = starts()
    common = "--sampling-method", "dopri5", "--save-times", "0.25,0.75"
    largest = set()
    for size, rtol in ((3, 1e-4), (1, 1e-3), (2, 1e-5)):
        record = check_adaptive(shape, values, size, *common, "--rtol", rtol, "--atol", rtol)
        for b in record["batches"]:
            equal("evaluations of dopri5", b["nfe"], 6 * (b["n_steps"] + b["n_rejected"]) + 1)
        nfe = [b["nfe"] for b in record["batches"]]
        if max(nfe) > min(nfe):
            largest.add("first" if nfe[0] == max(nfe) else "last" if nfe[-1] == max(nfe) else "between")
    if not largest & {"first", "between"} or largest == {"first"}:
        fail(f"the batches with the most evaluations: {largest}; choose others")
    nfe = record["nfe"]
    for most, reason in ((nfe, "end"), (nfe - 1, "max-nfe")):
        cut = check_adaptive(shape, values, 2, *common, "--rtol", 1e-5, "--atol", 1e-5, "--max-nfe", most)
        equal(f"end at {most} evaluations", cut["stop_reason"], reason)


def check_density():
    """Densities on a fixed grid: a batch changes none of them. Heun takes two evaluations a step, a probe one backward pass."""
    common = ("--num-samples", 7, "--class-labels", ",".join(map(str, LABELS)), "--dtype", "f64", "--sampling-method", "heun2",
              "--num-sampling-steps", 6, "--with-logp", "--probes", 3)
    one, arrays = run("one", *common)
    several, parts = run("several", *common, "--batch-size", 3)
    for name in ("latents", "logp", "logp_se"):
        same(name + " in batches", parts[name][1], arrays[name][1])
    equal("densities that differ", len(set(arrays["logp_se"][1])), 7)
    for record, n in ((one, 1), (several, 3)):
        equal("evaluations", [record["nfe"], record["nfe_all_batches"]], [10, 10 * n])
        equal("backward passes", [record["n_vjp"], record["n_vjp_all_batches"]], [30, 30 * n])
        check_mean(record["logp_nats"], arrays["logp"][1])
    same("Student's quantile", [one["logp_se_student95"]], [STUDENT[2]], 1e-5)


def check_mean(said, values):
    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = STUDENT[len(values) - 1] * error
    same("mean, error and interval", [said[k] for k in ("mean", "standard_error", "low_95", "high_95")],
         [mean, error, mean - half, mean + half], 1e-5)


def check_noise():
    """An SDE on a fixed grid: one evaluation a step and the last one, or, adaptive, of every step tried."""
    common = ("--num-samples", 5, "--seed", 3, "--class-labels", 4)
    fixed, arrays = run("sde", *common, "--num-sampling-steps", 9, command=("sample", "SDE"))
    parts, parted = run("sdes", *common, "--num-sampling-steps", 9, "--batch-size", 2, command=("sample", "SDE"))
    same("samples of an SDE in batches", parted["latents"][1], arrays["latents"][1])
    equal("evaluations", [fixed["nfe"], parts["nfe"], parts["nfe_all_batches"]], [9, 9, 27])
    record, _ = run("adaptive", *common, "--sampling-method", "shark", "--rtol", 0.05, "--batch-size", 2, command=("sample", "SDE"))
    check_top(record)
    for b in record["batches"]:
        equal("evaluations of ShARK", b["nfe"], 2 * (b["n_steps"] - 1 + b["n_rejected"]) + 1)


# ---- pixels ----


def png_rows(path):
    """Width, height and the bytes of an RGB PNG."""
    raw, at, data = open(path, "rb").read(), 8, b""
    while at < len(raw):
        size, kind = struct.unpack(">I4s", raw[at:at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", raw[at + 8:at + 16])
        if kind == b"IDAT":
            data += raw[at + 8:at + 8 + size]
        at += 12 + size
    lines, stride, before, out = zlib.decompress(data), 3 * width, bytes(3 * width), []
    for y in range(height):
        how, line = lines[y * (stride + 1)], bytearray(lines[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a, b = line[x - 3] if x >= 3 else 0, before[x]
            c = before[x - 3] if x >= 3 else 0
            p = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + [0, a, b, (a + b) // 2, p][how]) % 256
        out.append(bytes(line))
        before = line
    return width, height, out


def levels(x):
    """127.5 x + 128, clamped and truncated: what it may be, where rounding in f32 decides."""
    v = 127.5 * x + 128
    return {min(255, max(0, math.floor(v + d))) for d in (-1e-4, 1e-4)}


def check_pixels():
    _, arrays = run("pixels", "--num-samples", 5, "--class-labels", 3, "--sampling-method", "heun2", "--num-sampling-steps", 8,
                    "--batch-size", 2, "--dtype", "f32")
    (n, _, h, w), x = arrays["latents"]
    shape, pixels = arrays["arr_0"]
    equal("shape of the pixels", shape, (n, h, w, 3))
    for i, value in enumerate(x):
        for c in range(3):
            if pixels[3 * i + c] not in levels(value):
                fail(f"pixel {i}: {pixels[3 * i + c]} of {value}, expected {levels(value)}")
    equal("pixels that are neither black nor white", any(5 < p < 250 for p in pixels), True)
    width, height, lines = png_rows(os.path.join(scratch, "pixels", "samples.png"))
    across, border = math.ceil(math.sqrt(n)), 2
    scale = (width - border) // across // w
    equal("size of samples.png", (width, height), (across * (w * scale + border) + border,
                                                   math.ceil(n / across) * (h * scale + border) + border))
    for k in range(n):
        left, top = (border + place * (size * scale + border) for place, size in ((k % across, w), (k // across, h)))
        for y in range(h * scale):
            for x in range(w * scale):
                at = 3 * ((k * h + y // scale) * w + x // scale)
                if list(lines[top + y][3 * (left + x):3 * (left + x) + 3]) != pixels[at:at + 3]:
                    fail(f"picture {k} of samples.png differs from arr_0 at {x}, {y}")


# ---- fields ----


def check_field():
    """Rows of several batches have their own times and classes; on the Linear path the denoiser is x + (1 - t) v, the noise
    x - t v."""
    shape, values = starts()
    times = [0.1 * k + 0.05 for k in range(7)]
    points = part_of(shape, values, "points", 0, 7)
    open(os.path.join(scratch, "times.npy"), "wb").write(npy_bytes("<f8", (7,), times))
    common = ("--init", points, "--times", os.path.join(scratch, "times.npy"), "--class-labels", ",".join(map(str, LABELS)), "--quantities",
              "velocity,denoiser,noise", "--dtype", "f64")
    one, arrays = run("field", *common, command=("field",))
    several, parts = run("fields", *common, "--batch-size", 3, command=("field",))
    for name in ("velocity", "denoiser", "noise", "times", "labels"):
        same(f"{name} in batches", parts[name][1], arrays[name][1])
    same("times", parts["times"][1], times)
    equal("labels", parts["labels"][1], LABELS)
    size, v = len(values) // 7, parts["velocity"][1]
    same("denoiser", parts["denoiser"][1], [x + (1 - times[i // size]) * v[i] for i, x in enumerate(values)], 1e-12)
    same("noise", parts["noise"][1], [x - times[i // size] * v[i] for i, x in enumerate(values)], 1e-12)
    equal("evaluations and rows", [several["nfe"], several["rows"], one["nfe"]], [3, 7, 1])


# ---- likelihoods ----


def data_file(name, first, count):
    found = npz(images)
    (shape, levels_of), (_, labels) = found["images"], found["labels"]
    path = os.path.join(scratch, name + ".npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy_bytes("|u1", (count, *shape[1:]), rows(levels_of, shape[0], first, count)))
        archive.writestr("labels.npy", npy_bytes("<i4", (count,), labels[first:first + count]))
    return path


def check_likelihood():
    """With the exact trace a batch is what it is alone."""
    how = "--trace", "exact", "--method", "dopri5", "--rtol", "1e-2", "--atol", "1e-2"
    record, arrays = run("five", "--data", data_file("five", 0, 5), "--batch-size", 2, *how, command=("likelihood",))
    batches = record["batches"]
    equal("batches", [(b["first"], b["inputs"]) for b in batches], [(0, 2), (2, 2), (4, 1)])
    for batch in batches:
        first, count = batch["first"], batch["inputs"]
        its, its_arrays = run(f"some{first}", "--data", data_file(f"some{first}", first, count), *how, command=("likelihood",))
        for key in ("nfe", "n_steps", "n_rejected", "n_vjp"):
            equal(f"{key} of the batch at {first}", batch[key], its[key])
        equal("evaluations of dopri5", batch["nfe"], 6 * (batch["n_steps"] + batch["n_rejected"]) + 1)
        equal("backward passes of the exact trace", batch["n_vjp"], 64 * batch["nfe"])
        for name in ("logp", "logp_se", "bpd", "latent", "labels"):
            same(f"{name} from {first} on", rows(arrays[name][1], 5, first, count), its_arrays[name][1], 1e-12)
    largest = max(batches, key=lambda b: b["nfe"])
    for key in ("nfe", "n_steps", "n_rejected", "n_vjp"):
        equal(f"{key} of the record", record[key], largest[key])
    for key in ("nfe", "n_vjp"):
        total = sum(b[key] for b in batches)
        equal(f"{key} of all", [record[key + "_all_batches"], record["work"]["solves"][key]], [total, total])
    check_mean(record["logp_nats"], arrays["logp"][1])
    check_mean(record["bits_per_dimension"], arrays["bpd"][1])
    check_histogram(os.path.join(scratch, "five", "histogram.dat"), arrays["bpd"][1])


def check_histogram(path, values):
    """Bins of one width from the least to the largest value, each with its lower edge."""
    found = [line.split() for line in open(path) if not line.startswith("#")]
    low, bins = min(values), len(found)
    width = (max(values) - low) / bins
    same("middles of bins", [float(middle) for middle, _ in found], [low + (i + 0.5) * width for i in range(bins)], 1e-6)
    places = [min(bins - 1, math.floor((v - low) / width)) for v in values]
    equal("counts", [int(count) for _, count in found], [places.count(i) for i in range(bins)])


def check_draws():
    """Two draws of a dequantisation: the first is that of one draw alone, the second follows from the logarithm of their mean,
    and the jackknife's error of two is half of what is between them."""
    how = "--data", data_file("draws", 0, 3), "--trace", "exact", "--method", "heun2", "--num-sampling-steps", 20, "--dequant", "uniform"
    one, two = (run(f"draws{k}", *how, "--dequant-samples", k, "--batch-size", 2, command=("likelihood",))[1] for k in (1, 2))
    bins = 64 * math.log(127.5)
    first, mean = ([v - bins for v in arrays["logp"][1]] for arrays in (one, two))
    second = [m + math.log(2 - math.exp(f - m)) for f, m in zip(first, mean)]
    same("error of two draws", two["logp_se"][1], [abs(a - b) / 2 for a, b in zip(first, second)], 1e-6)
    equal("draws that are alike", [i for i in range(3) if abs(first[i] - second[i]) < 1e-3], [])


def check_given_probes():
    """Probes of a file belong to their inputs whatever the batch."""
    probes = [1 if (i * i + i // 7) % 3 else -1 for i in range(2 * 3 * 64)]
    open(os.path.join(scratch, "probes.npy"), "wb").write(npy_bytes("<f8", (2, 3, 1, 8, 8), probes))
    how = ("--data", data_file("probed", 0, 3), "--probe", os.path.join(scratch, "probes.npy"), "--method", "heun2",
           "--num-sampling-steps", 6)
    one, several = (run(f"probed{size}", *how, "--batch-size", size, command=("likelihood",))[1] for size in (3, 1))
    for name in ("logp", "logp_se"):
        same(f"{name} of given probes in batches", several[name][1], one[name][1])


check_counts()
check_density()
check_noise()
check_pixels()
check_field()
check_likelihood()
check_draws()
check_given_probes()
