"""A row of an ablation on vectors, against 'transit sample' and 'transit likelihood' on its checkpoint.
usage: check_judged.py TRANSIT FOLDER EVAL.npy SCRATCH"""

import ast
import csv
import math
import struct
import subprocess
import sys
import zipfile

transit, folder, evaluated, scratch = sys.argv[1:]


def numbers(raw):
    """The rows of an .npy of f4 or f8."""
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    flat = [v for (v,) in struct.iter_unpack("<" + {"<f4": "f", "<f8": "d"}[head["descr"]], raw[end:])]
    width = math.prod(head["shape"][1:])
    return [flat[i:i + width] for i in range(0, len(flat), width)]


def run(name, *words):
    out = f"{scratch}/judged-{name}"
    subprocess.run([transit, *words, "--out", out, "--threads", "1"], check=True, stdout=subprocess.DEVNULL)
    return zipfile.ZipFile(out + ("/likelihood.npz" if name == "likelihood" else "/samples.npz"))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def energy(x, y):
    between = mean(math.dist(a, b) for a in x for b in y)
    within = [mean(math.dist(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j) for s in (x, y)]
    return 2 * between - sum(within)


def close(what, got, want, bound):
    if not abs(float(got) - want) <= bound:
        sys.exit(f"{what}: {got}, expected {want}")


held = numbers(open(evaluated, "rb").read())
for row in csv.DictReader(open(folder + "/results.csv")):
    seed = row["seed"]
    model = f"{folder}/cells/{row['path']}-{row['prediction']}-{row['loss_weight']}-s{seed}/model.safetensors"
    draw = ["--ckpt", model, "--seed", seed, "--num-samples", str(len(held)), "--batch-size", str(len(held))]
    ode = run("ode" + seed, "sample", "ODE", *draw, "--sampling-method", "dopri5", "--rtol", "1e-4", "--atol", "1e-4")
    sde = run("sde" + seed, "sample", "SDE", *draw, "--sampling-method", "euler-maruyama", "--num-sampling-steps", "251", "--diffusion-form",
              "sigma", "--last-step", "Mean")
    for what, drawn in (("ode", ode), ("sde", sde)):
        close(f"{what} of seed {seed}", row[what + "_energy"], energy(numbers(drawn.read("latents.npy")), held), 2e-6)
    close(f"floor of seed {seed}", row["floor_energy"], energy(held[:len(held) // 2], held[len(held) // 2:]), 1e-8)
    assert row["sde_nfe"] == "251", row
likelihood = run("likelihood", "likelihood", "--ckpt", model, "--data", evaluated, "--sampling-method", "dopri5", "--rtol", "1e-4", "--atol", "1e-4",
                 "--trace", "exact", "--dtype", "f32", "--batch-size", str(len(held)))
logp = [v for (v,) in numbers(likelihood.read("logp.npy"))]
close("nll", row["nll"], -mean(logp), 1e-5)
close("bpd", row["bpd"], -mean(logp) / (2 * math.log(2)), 1e-5)
spread = math.sqrt(sum((v - mean(logp)) ** 2 for v in logp) / (len(logp) - 1) / len(logp))
close("nll_se", row["nll_se"], spread, 1e-5)
