#!/usr/bin/env python3
"""Network evaluations that torchdiffeq needs on the bundled digits checkpoint.

The system: ten digits, one per class, integrated together from t = 0 (noise) to t = 1 (data) in float64, without guidance
and with guidance 4 on all channels. One evaluation is one batched forward of the network, guided or not. The starting
state of seed S is the one that `transit sample --seed S` draws (Philox-4x32-10, see core/random.h).

Errors are relative rms errors at t = 1 against dopri5 at rtol = atol = 1e-10. "Evaluations needed for an error" is the
cheapest run that attains it, among a ladder of tolerances rtol = atol of four per decade (adaptive methods) or of numbers
of steps (fixed grids).

  python3 tests/compare_torchdiffeq.py --setup           make tests/.venv with torch, torchdiffeq, numpy and wandb from PyPI
  tests/.venv/bin/python tests/compare_torchdiffeq.py    print the table (TSV)
  ... --write                                            also remake tests/data/dopri5_digits.tsv and digits_end.npz
  ... --verify-forward WEIGHTS.pt FORWARD.npz            check this file's network against numbers of the original code
"""
import argparse
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "..", "experiments", "digits", "digits-ema.pt")
GUIDANCES = (1.0, 4.0)
ERRORS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6)
LADDER = [10 ** (-1 - i / 4) for i in range(29)]  # 1e-1 ... 1e-8
STEPS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200)
EVALUATIONS_PER_STEP = {"euler": 1, "heun2": 2, "midpoint": 2, "rk4": 4}
DEFAULT_TOLERANCES = (1e-3, 1e-6)  # of the SiT sampling scripts: rtol, atol


def setup():
    venv = os.path.join(HERE, ".venv")
    subprocess.check_call([sys.executable, "-m", "venv", venv])
    pip = [os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--quiet"]
    subprocess.check_call(pip + ["numpy", "torch", "torchdiffeq", "wandb"])
    print("made " + venv)


if "--setup" in sys.argv[1:]:
    setup()
    sys.exit(0)

import numpy as np
import torch
import torch.nn.functional as F
from torchdiffeq import odeint


class SiT:
    """The forward pass of a SiT network from its state dict, in float64."""

    def __init__(self, path, heads):
        weights = torch.load(path, map_location="cpu", weights_only=True)
        self.w = {name: tensor.double() for name, tensor in weights.items()}
        self.heads = heads
        self.depth = 1 + max(int(name.split(".")[1]) for name in self.w if name.startswith("blocks."))
        _, self.channels, self.patch, _ = self.w["x_embedder.proj.weight"].shape
        self.null_class = self.w["y_embedder.embedding_table.weight"].shape[0] - 1
        half = self.w["t_embedder.mlp.0.weight"].shape[1] // 2
        self.frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float64) / half)

    def linear(self, name, x):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def modulated_norm(self, x, shift, scale):
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]

    def attention(self, block, x):
        n, tokens, width = x.shape
        qkv = self.linear(block + "attn.qkv", x).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(width // self.heads), dim=-1) @ v
        return self.linear(block + "attn.proj", mixed.transpose(1, 2).reshape(n, tokens, width))

    def condition(self, t, labels):
        angles = t[:, None] * self.frequencies
        h = F.silu(self.linear("t_embedder.mlp.0", torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)))
        return F.silu(self.linear("t_embedder.mlp.2", h) + self.w["y_embedder.embedding_table.weight"][labels])

    def __call__(self, t, x, labels):
        n, channels, height, _ = x.shape
        side = height // self.patch
        h = F.conv2d(x, self.w["x_embedder.proj.weight"], self.w["x_embedder.proj.bias"], stride=self.patch)
        h = h.flatten(2).transpose(1, 2) + self.w["pos_embed"]
        c = self.condition(t, labels)
        for i in range(self.depth):
            block = f"blocks.{i}."
            m = self.linear(block + "adaLN_modulation.1", c).chunk(6, dim=1)
            h = h + m[2][:, None] * self.attention(block, self.modulated_norm(h, m[0], m[1]))
            inner = F.gelu(self.linear(block + "mlp.fc1", self.modulated_norm(h, m[3], m[4])), approximate="tanh")
            h = h + m[5][:, None] * self.linear(block + "mlp.fc2", inner)
        shift, scale = self.linear("final_layer.adaLN_modulation.1", c).chunk(2, dim=1)
        out = self.linear("final_layer.linear", self.modulated_norm(h, shift, scale))
        out = out.reshape(n, side, side, self.patch, self.patch, -1).permute(0, 5, 1, 3, 2, 4)
        return out.reshape(n, -1, height, height)[:, :channels]


def philox(counter, key):
    """Philox-4x32-10 on arrays of counters (4, n), as core/random.c."""
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k = [int(word) for word in key]
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), p0 & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def starting_state(seed, samples, elements):
    """The standard normals that `transit sample --seed` starts from: address (seed, init, sample, step 0, element)."""
    sample, pair = np.meshgrid(np.arange(samples), np.arange((elements + 1) // 2), indexing="ij")
    zero = np.zeros_like(pair)
    w = philox((pair, zero, sample, zero), (seed & 0xFFFFFFFF, seed >> 32))
    unit = [((w[i] << np.uint64(21)) | (w[i + 1] >> np.uint64(11))).astype(np.float64) * 2.0**-53 for i in (0, 2)]
    radius, angle = np.sqrt(-2 * np.log(unit[0] + 2.0**-53)), 2 * np.pi * unit[1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(samples, -1)[:, :elements]


class Field:
    """The guided velocity of one digit per class; counts its evaluations."""

    def __init__(self, net, guidance):
        self.net, self.guidance, self.count = net, guidance, 0
        self.labels = torch.arange(net.null_class)

    def __call__(self, t, x):
        self.count += 1
        n = x.shape[0]
        if self.guidance == 1:
            return self.net(t.expand(n), x, self.labels)
        null = torch.full((n,), self.net.null_class)
        both = self.net(t.expand(2 * n), torch.cat([x, x]), torch.cat([self.labels, null]))
        conditional, unconditional = both[:n], both[n:]
        return unconditional + self.guidance * (conditional - unconditional)


def adams_bashforth2(field, x, steps):
    h, previous = 1.0 / steps, None
    for i in range(steps):
        f = field(torch.tensor(i * h, dtype=torch.float64), x)
        x = x + h * (f if previous is None else 1.5 * f - 0.5 * previous)
        previous = f
    return x


class Problem:
    def __init__(self, net, guidance, seed):
        self.net, self.guidance, self.seed = net, guidance, seed
        side = net.patch * math.isqrt(net.w["pos_embed"].shape[1])
        shape = (net.null_class, net.channels, side, side)
        self.x0 = torch.from_numpy(starting_state(seed, shape[0], math.prod(shape[1:]))).reshape(shape)
        self.end, _ = self.adaptive("dopri5", 1e-10, 1e-10)

    def adaptive(self, method, rtol, atol):
        field = Field(self.net, self.guidance)
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        return odeint(field, self.x0, t, method=method, rtol=rtol, atol=atol)[-1], field.count

    def fixed(self, method, steps):
        field = Field(self.net, self.guidance)
        if method == "ab2":
            return adams_bashforth2(field, self.x0, steps), field.count
        t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        return odeint(field, self.x0, t, method=method)[-1], field.count

    def error(self, x):
        return (torch.linalg.norm(x - self.end) / torch.linalg.norm(self.end)).item()


def evaluations_needed(runs, error):
    attained = [count for count, attained_error in runs if attained_error <= error]
    return str(min(attained)) if attained else "-"


def verify_forward(weights, golden):
    numbers = np.load(golden)
    net = SiT(weights, heads=3)
    out = net(torch.from_numpy(numbers["t"]), torch.from_numpy(numbers["x"]), torch.from_numpy(numbers["y"])).numpy()
    difference = np.abs(out - numbers["out"]).max() / np.abs(numbers["out"]).max()
    print(f"largest difference relative to the largest entry: {difference:.1e}")
    return 0 if difference < 1e-12 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="make tests/.venv and exit")
    parser.add_argument("--write", action="store_true", help="remake the stored numbers under tests/data")
    parser.add_argument("--only-dopri5", action="store_true", help="leave the other methods of torchdiffeq out")
    parser.add_argument("--seeds", type=int, default=5, help="starting states: seeds 0 ... N - 1 (default 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verify-forward", nargs=2, metavar=("WEIGHTS", "FORWARD"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    if options.verify_forward:
        return verify_forward(*options.verify_forward)

    net = SiT(CHECKPOINT, heads=4)
    ladder, ends = [], {}
    print("\t".join(["method", "guidance", "seed"] + [f"{e:.0e}" for e in ERRORS] + ["nfe_default", "error_default"]), flush=True)
    for guidance in GUIDANCES:
        for seed in range(options.seeds):
            problem = Problem(net, guidance, seed)
            ends[f"end_g{guidance:g}_s{seed}"] = problem.end.numpy()
            for method in ["dopri5"] if options.only_dopri5 else ["dopri5", "bosh3", *EVALUATIONS_PER_STEP, "ab2"]:
                default = ["", ""]
                if method in ("dopri5", "bosh3"):
                    runs = []
                    for rtol, atol in [(tol, tol) for tol in LADDER] + [DEFAULT_TOLERANCES]:
                        x, count = problem.adaptive(method, rtol, atol)
                        runs.append((count, problem.error(x)))
                        if method == "dopri5":
                            ladder.append((guidance, seed, rtol, atol, count, runs[-1][1]))
                    default = [str(runs[-1][0]), f"{runs[-1][1]:.2e}"]
                    runs.pop()
                else:
                    runs = [(count, problem.error(x)) for x, count in (problem.fixed(method, steps) for steps in STEPS)]
                needed = [evaluations_needed(runs, error) for error in ERRORS]
                print("\t".join([method, f"{guidance:g}", str(seed)] + needed + default), flush=True)

    if options.write:
        with open(os.path.join(HERE, "data", "dopri5_digits.tsv"), "w") as out:
            out.write("guidance\tseed\trtol\tatol\tnfe\terror\n")
            for row in ladder:
                out.write("%g\t%d\t%.6e\t%.6e\t%d\t%.6e\n" % row)
        np.savez_compressed(os.path.join(HERE, "data", "digits_end.npz"), **ends)
    return 0


if __name__ == "__main__":
    sys.exit(main())
