"""Time the SiT forward (or input VJP, or training step) of PyTorch (plain definition below, eager and torch.compile) against build/bench_forward.

usage: python tests/compare_torch.py [--bench build/bench_forward] [--models S/2,B/2,XL/2] [--batches 1,8]
                                     [--threads 2] [--rounds 3] [--seconds 2] [--no-compile] [--vjp | --train]
                                     [--dtype f32|bf16] [--processor-time]

--train times a step of training: draws, forward, backward, AdamW, one running average of the parameters, against
build/bench_train.
--vjp times the forward together with the gradient of w' f with respect to the latents, against build/bench_vjp.

--dtype bf16 is autocast to bfloat16 there, and --dtype bf16 of the bench here.
--processor-time compares the time that the programs had of the processor, over the threads, not that of the clock: for a busy
machine, with --threads 1 (threads that wait busily count).

The programs take turns for some rounds and each keeps its best time, because a shared machine drifts. Column ratio
is the best of the faster torch over transit's best; column rounds the median of that ratio round by round, and its
range: where the two disagree, the machine changed in between, and more rounds tell. Needs torch from PyPI. To
compare AVX2 with AVX2 on a machine that has more, set for both:
  TRANSIT_CPU=avx2 ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
"""

import argparse
import copy
import math
import resource
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
from torch import nn

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
CHANNELS, SIDE, CLASSES, FREQUENCIES = 4, 32, 1000, 256


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def attention(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))

    def forward(self, x, c):
        m = self.modulation(F.silu(c)).chunk(6, dim=1)
        x = x + m[2].unsqueeze(1) * self.attention(modulate(self.norm(x), m[0], m[1]))
        h = F.gelu(self.fc1(modulate(self.norm(x), m[3], m[4])), approximate="tanh")
        return x + m[5].unsqueeze(1) * self.fc2(h)


class Transformer(nn.Module):
    def __init__(self, width, depth, heads, patch):
        super().__init__()
        self.patch = patch
        tokens = (SIDE // patch) ** 2
        self.embed = nn.Conv2d(CHANNELS, width, patch, stride=patch)
        self.position = nn.Parameter(0.1 * torch.randn(1, tokens, width))
        self.time = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(CLASSES + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Linear(width, 2 * width)
        self.final = nn.Linear(width, patch * patch * 2 * CHANNELS)

    def forward(self, x, t, y):
        rates = torch.exp(-math.log(10000) * torch.arange(FREQUENCIES // 2) / (FREQUENCIES // 2))
        angles = t[:, None] * rates[None]
        c = self.time(torch.cat([angles.cos(), angles.sin()], dim=1)) + self.label(y)
        h = self.embed(x).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.modulation(F.silu(c)).chunk(2, dim=1)
        h = self.final(modulate(self.norm(h), shift, scale))
        p, g = self.patch, SIDE // self.patch
        h = h.reshape(len(x), g, g, p, p, 2 * CHANNELS).permute(0, 5, 1, 3, 2, 4)
        return h.reshape(len(x), 2 * CHANNELS, SIDE, SIDE)[:, :CHANNELS]


def best_ms(run, options):
    clock, over = (time.process_time, options.threads) if options.processor_time else (time.perf_counter, 1)
    run()
    best, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < options.seconds or best == math.inf:
        before = clock()
        run()
        best = min(best, clock() - before)
    return best / over * 1e3


def in_bf16(run):
    def converted():
        with torch.autocast("cpu", torch.bfloat16):
            return run()
    return converted


def with_vjp(run, x):
    def both():
        return torch.autograd.grad(run(), x, grad_outputs=x.detach())
    return both


def with_step(forward, net, average, optimiser, x1, y):
    """A step of the reference's loop (Linear, velocity), with the average updated by one call for all parameters."""
    parameters, kept = list(net.parameters()), list(average.parameters())

    def step():
        t, x0 = torch.rand(len(x1)), torch.randn_like(x1)
        at = t.view(-1, 1, 1, 1)
        labels = torch.where(torch.rand(len(x1)) < 0.1, CLASSES, y)
        loss = ((forward(at * x1 + (1 - at) * x0, t, labels) - (x1 - x0)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(kept, parameters, 1e-4)
    return step


def train_cases(net, x, y, with_compile):
    net.train()
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4)
    cases = {"eager": with_step(net, net, average, optimiser, x, y)}
    if with_compile:
        cases["compile"] = with_step(torch.compile(net), net, average, optimiser, x, y)
    return cases


def torch_cases(model, batch, with_compile, kind):
    size, patch = model.split("/")
    torch.manual_seed(0)
    net = Transformer(*SIZES[size], int(patch)).eval()
    x, t = torch.randn(batch, CHANNELS, SIDE, SIDE), torch.rand(batch)
    y = torch.arange(batch) % CLASSES
    if kind == "train":
        return train_cases(net, x, y, with_compile)
    cases = {"eager": lambda: net(x, t, y)}
    if with_compile:
        compiled = torch.compile(net)
        cases["compile"] = lambda: compiled(x, t, y)
    if kind == "vjp":
        net.requires_grad_(False)
        x.requires_grad_(True)
        cases = {name: with_vjp(run, x) for name, run in cases.items()}
    return cases


def ours(options, model, batch):
    command = [options.bench, "--dtype", options.dtype, "--model", model, "--batch", str(batch), "--threads", str(options.threads),
               "--seconds", str(options.seconds)]
    row = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[1].split("\t")
    ms, work = float(row[7 if options.processor_time else 4]), float(row[4]) * float(row[5])
    return {"ms": ms, "gflops": work / ms, "mib": float(row[6])}


def compare(options, model, batch):
    best, row, ratios = {}, None, []
    torch._dynamo.reset()
    cases = torch_cases(model, batch, not options.no_compile, options.kind)
    if options.dtype == "bf16":
        cases = {name: in_bf16(run) for name, run in cases.items()}
    for _ in range(options.rounds):
        round_ms = {name: best_ms(run, options) for name, run in cases.items()}
        best = {name: min(best.get(name, math.inf), ms) for name, ms in round_ms.items()}
        measured = ours(options, model, batch)
        ratios.append(min(round_ms.values()) / measured["ms"])
        row = measured if row is None or measured["ms"] < row["ms"] else row
    work = row["gflops"] * row["ms"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, ms in best.items():
        print(f"torch {name}\t{model}\t{batch}\t{options.dtype}\t{options.threads}\t{ms:.3f}\t{work / ms:.1f}\t{peak:.0f}\t\t", flush=True)
    ratio = min(best.values()) / row["ms"]
    rounds = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"transit\t{model}\t{batch}\t{options.dtype}\t{options.threads}\t{row['ms']:.3f}\t{row['gflops']:.1f}\t{row['mib']:.0f}\t{ratio:.2f}"
          f"\t{rounds}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", help="default: build/bench_forward, or that of --vjp or --train")
    parser.add_argument("--models", default="S/2,B/2,XL/2")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--vjp", dest="kind", action="store_const", const="vjp", default="forward")
    parser.add_argument("--train", dest="kind", action="store_const", const="train")
    options = parser.parse_args()
    options.bench = options.bench or "build/bench_" + options.kind
    torch.set_num_threads(options.threads)
    print(f"# torch {torch.__version__}, capability {torch.backends.cpu.get_cpu_capability()}; "
          "ratio: the faster torch over transit")
    print("program\tmodel\tbatch\tdtype\tthreads\tms\tgflops\tpeak_mib\tratio\trounds")
    with torch.inference_mode() if options.kind == "forward" else torch.enable_grad():
        for model in options.models.split(","):
            for batch in options.batches.split(","):
                compare(options, model, int(batch))


if __name__ == "__main__":
    main()
