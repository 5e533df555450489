"""Time PyTorch's forward and training step of SiT-XL/2 in bf16 on the GPU: torch.compile and SDPA, replayed as a CUDA graph.

usage: python3 torch_sit.py [--model XL/2] [--forward 1,32,128] [--train 64] [--seconds 2] [--rounds 2] [--ours COMMAND]
                            [--layers 32,128] [--device cuda|cpu] [--no-compile]

Rows `torch  forward|train  batch  ms`, with --ours followed by `ms ratio least most`: COMMAND, as "folder/gpu_tests
bench_NAME --device cuda:0 --model XL/2", bench_NAME being bench_forward or bench_train, is run in turns with PyTorch, round by
round; ms are medians over the rounds of the best of a round, each run ending with a wait, and ratio is the median of PyTorch's
over transit's, with its range. Rows `linear  layer  rows  ms` are plain products with a bias, queued, of the layers of a block.
Also the bf16 peak (products of 8192 x 8192 on random data) and the copy bandwidth.

The network is that of compare_torch.py. Its blocks are compiled, for each shape anew, which takes a fraction of the time of
the whole, and a graph replays the whole forward; the weights are bf16 there, and in training f32 under autocast, with the
fused AdamW and one running average, as the reference does. --device cpu tries the script: nothing is replayed there.
"""

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
import compare_torch  # noqa: E402

on_gpu = True


def wait():
    if on_gpu:
        torch.cuda.synchronize()


def best_ms(run, seconds):
    for _ in range(3):
        run()
    wait()
    best, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < seconds or best == math.inf:
        before = time.perf_counter()
        run()
        wait()
        best = min(best, time.perf_counter() - before)
    return best * 1e3


def ceilings(seconds):
    side, count = (8192, 1 << 30) if on_gpu else (256, 1 << 16)
    a, b = (torch.randn(side, side, dtype=torch.bfloat16) for _ in range(2))
    peak = 2 * side**3 / best_ms(lambda: a @ b, seconds) * 1e-9
    x, y = (torch.empty(count, dtype=torch.bfloat16) for _ in range(2))
    copied = 2 * x.numel() * 2 / best_ms(lambda: y.copy_(x), seconds) * 1e-6
    print(f"# bf16 peak {peak:.0f} TFLOP/s, copy {copied:.0f} GB/s", flush=True)


def linear_layers(width, tokens, batches, calls):
    """Plain products of a block's linear layers, as many queued as bench_linear queues."""
    for batch in batches:
        for name, fan_in, fan_out in (("qkv", 1, 3), ("proj", 1, 1), ("fc1", 1, 4), ("fc2", 4, 1)):
            x, w = (torch.randn(n, fan_in * width, dtype=torch.bfloat16) for n in (batch * tokens, fan_out * width))
            bias = torch.randn(fan_out * width, dtype=torch.bfloat16)

            def queued():
                for _ in range(calls):
                    F.linear(x, w, bias)
            with torch.inference_mode():
                print(f"linear\t{name}\t{batch * tokens}\t{best_ms(queued, 0.1) / calls:.4f}", flush=True)


def graphed(run):
    """The calls of a function as one CUDA graph; the function itself where it cannot be recorded."""
    if not on_gpu:
        return run
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            run()
    except RuntimeError as error:
        print(f"# not recorded: {str(error).splitlines()[0]}", flush=True)
        torch.cuda.synchronize()
        return run
    return graph.replay


def network(options):
    size, patch = options.model.split("/")
    torch.manual_seed(0)
    net = compare_torch.Transformer(*compare_torch.SIZES[size], int(patch))
    for block in net.blocks:
        if options.compile:
            block.compile(dynamic=False)
    return net


class InBf16(torch.nn.Module):
    """The frequencies of the time are made in f32; what follows has the weights' type."""

    def __init__(self, net):
        super().__init__()
        self.net = net.to(torch.bfloat16)
        self.net.time.register_forward_pre_hook(lambda _, given: (given[0].to(torch.bfloat16),))

    def forward(self, x, t, y):
        return self.net(x, t, y)


def batch_of(n):
    side = compare_torch.SIDE
    return torch.randn(n, compare_torch.CHANNELS, side, side), torch.rand(n), torch.arange(n) % compare_torch.CLASSES


def ours(options, kind, batch):
    command = options.ours.replace("bench_NAME", "bench_" + kind).split()
    command += ["--dtype", "bf16", "--batch", str(batch), "--runs", "3", "--seconds", str(options.seconds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(said.splitlines()[1].split("\t")[4])


def in_turns(options, kind, batch, run):
    theirs, mine = [], []
    for _ in range(options.rounds):
        theirs.append(best_ms(run, options.seconds))
        if options.ours:
            mine.append(ours(options, kind, batch))
    row = ["torch", kind, str(batch), f"{statistics.median(theirs):.3f}"]
    if mine:
        ratios = [a / b for a, b in zip(theirs, mine)]
        row += [f"{statistics.median(mine):.3f}"] + [f"{f(ratios):.2f}" for f in (statistics.median, min, max)]
    print("\t".join(row), flush=True)


def forward(options, net, n):
    x, t, y = batch_of(n)
    x = x.to(torch.bfloat16)
    with torch.inference_mode():
        in_turns(options, "forward", n, graphed(lambda: net(x, t, y)))


def train(options, net, n):
    x, _, y = batch_of(n)
    net.train()
    kept = [p.detach().clone() for p in net.parameters()]
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)

    def in_bf16(*given):
        with torch.autocast(options.device, torch.bfloat16):
            return net(*given)

    class Average:
        def parameters(self):
            return kept
    in_turns(options, "train", n, compare_torch.with_step(in_bf16, net, Average(), optimiser, x, y))


def numbers(text):
    return [int(n) for n in text.split(",") if n]


def main():
    global on_gpu
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="XL/2")
    parser.add_argument("--forward", default="1,32,128")
    parser.add_argument("--train", default="64")
    parser.add_argument("--layers", default="32,128")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ours")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    torch.set_default_device(options.device)
    torch.backends.cuda.matmul.allow_tf32 = True
    print(f"# torch {torch.__version__}, {torch.cuda.get_device_name() if on_gpu else 'the processor'}", flush=True)
    if options.compile and not any(shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc", "clang")):
        print("# blocks are not compiled: torch.compile needs a C compiler", flush=True)
        options.compile = False
    ceilings(options.seconds)
    size, patch = options.model.split("/")
    linear_layers(compare_torch.SIZES[size][0], (compare_torch.SIDE // int(patch)) ** 2, numbers(options.layers), 20)
    net = InBf16(network(options).eval())
    for n in numbers(options.forward):
        forward(options, net, n)
    del net
    if on_gpu:
        torch.cuda.empty_cache()
    for n in numbers(options.train):
        train(options, network(options), n)


if __name__ == "__main__":
    main()
