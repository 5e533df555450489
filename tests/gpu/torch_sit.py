"""Time PyTorch's forward and training step of SiT-XL/2 in bf16 on the GPU: torch.compile and SDPA, replayed as a CUDA graph.

usage: python3 torch_sit.py [--model XL/2] [--forward 1,32,128] [--train 64] [--seconds 2]

Rows `torch  forward|train  batch  ms`, the best run, each ending with a wait; also the bf16 peak (products of 8192 x 8192 on
random data) and the copy bandwidth. The network is that of compare_torch.py. Its blocks are compiled, which takes a fraction of
the time of the whole, and a graph replays the whole forward; the weights are bf16 there, and in training f32 under autocast, with
the fused AdamW and one running average, as the reference does.
"""

import argparse
import math
import os
import sys
import time

import torch

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import compare_torch  # noqa: E402


def best_ms(run, seconds):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    best, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < seconds or best == math.inf:
        before = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - before)
    return best * 1e3


def ceilings(seconds):
    a, b = (torch.randn(8192, 8192, dtype=torch.bfloat16) for _ in range(2))
    peak = 2 * 8192**3 / best_ms(lambda: a @ b, seconds) * 1e-9
    x, y = (torch.empty(1 << 30, dtype=torch.bfloat16) for _ in range(2))
    copied = 2 * x.numel() * 2 / best_ms(lambda: y.copy_(x), seconds) * 1e-6
    print(f"# bf16 peak {peak:.0f} TFLOP/s, copy {copied:.0f} GB/s", flush=True)


def graphed(run):
    """The calls of a function as one CUDA graph; the function itself where it cannot be recorded."""
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


def network(model):
    size, patch = model.split("/")
    torch.manual_seed(0)
    net = compare_torch.Transformer(*compare_torch.SIZES[size], int(patch))
    for block in net.blocks:
        block.compile()
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


def forward(net, n, seconds):
    x, t, y = batch_of(n)
    x = x.to(torch.bfloat16)
    with torch.inference_mode():
        return best_ms(graphed(lambda: net(x, t, y)), seconds)


def train(net, n, seconds):
    x, _, y = batch_of(n)
    net.train()
    kept = [p.detach().clone() for p in net.parameters()]
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)

    def in_bf16(*given):
        with torch.autocast("cuda", torch.bfloat16):
            return net(*given)

    class Average:
        def parameters(self):
            return kept
    return best_ms(compare_torch.with_step(in_bf16, net, Average(), optimiser, x, y), seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="XL/2")
    parser.add_argument("--forward", default="1,32,128")
    parser.add_argument("--train", default="64")
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = True
    print(f"# torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
    ceilings(options.seconds)
    net = InBf16(network(options.model).eval())
    for n in map(int, options.forward.split(",")):
        print(f"torch\tforward\t{n}\t{forward(net, n, options.seconds):.3f}", flush=True)
    del net
    torch.cuda.empty_cache()
    for n in map(int, options.train.split(",")):
        print(f"torch\ttrain\t{n}\t{train(network(options.model), n, options.seconds):.3f}", flush=True)


if __name__ == "__main__":
    main()
