"""A training that goes from transit to PyTorch and back: one step of AdamW each, on given draws, in float64.

usage: PYTHON check_train.py TRANSIT SCRATCH GOLDENS   (PYTHON has torch and numpy)
transit takes ten of the twenty steps of GOLDENS/train20.npz and writes a checkpoint. PyTorch loads it (weights_only=True), takes
the eleventh by the formulas of the reference, and writes a file in the reference's form; transit goes on from that (--ckpt).
Losses and weights must be those of the uninterrupted training."""
import json
import math
import os
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F

HEADS = 3


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def norm(x, shift, scale):
    x = F.layer_norm(x, x.shape[-1:], eps=1e-6)
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


def sit(w, x, t, y):
    """The reference's network; the first half of its channels."""
    patch = F.conv2d(x, w["x_embedder.proj.weight"], w["x_embedder.proj.bias"], stride=2).flatten(2).transpose(1, 2)
    h = patch + w["pos_embed"]
    angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(128, dtype=x.dtype) / 128)
    c = linear(w, "t_embedder.mlp.2", F.silu(linear(w, "t_embedder.mlp.0", torch.cat([angles.cos(), angles.sin()], 1))))
    c = F.silu(c + w["y_embedder.embedding_table.weight"][y])
    for i in range(sum(name.endswith("attn.qkv.weight") for name in w)):
        block = "blocks.%d." % i
        m = linear(w, block + "adaLN_modulation.1", c).chunk(6, 1)
        n, tokens, width = h.shape
        qkv = linear(w, block + "attn.qkv", norm(h, m[0], m[1])).reshape(n, tokens, 3, HEADS, width // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-1, -2) / math.sqrt(width // HEADS)).softmax(-1) @ v
        h = h + m[2].unsqueeze(1) * linear(w, block + "attn.proj", a.transpose(1, 2).reshape(n, tokens, width))
        inner = F.gelu(linear(w, block + "mlp.fc1", norm(h, m[3], m[4])), approximate="tanh")
        h = h + m[5].unsqueeze(1) * linear(w, block + "mlp.fc2", inner)
    shift, scale = linear(w, "final_layer.adaLN_modulation.1", c).chunk(2, 1)
    out = linear(w, "final_layer.linear", norm(h, shift, scale))
    side, channels = x.shape[2] // 2, out.shape[2] // 4
    out = out.reshape(-1, side, side, 2, 2, channels).permute(0, 5, 1, 3, 2, 4).reshape(-1, channels, 2 * side, 2 * side)
    return out[:, :x.shape[1]]


def step(checkpoint, draws, k):
    """Step k (from 0) of the reference on a loaded checkpoint, which becomes the file after it. Returns the loss."""
    names = list(checkpoint["model"])
    weights = {n: torch.nn.Parameter(checkpoint["model"][n], requires_grad=n != "pos_embed") for n in names}
    optimiser = torch.optim.AdamW(list(weights.values()), lr=1e-4)
    optimiser.load_state_dict(checkpoint["opt"])
    x1, x0 = (torch.tensor(draws[n][k].astype(np.float64)) for n in ("x1", "x0"))
    t, y = torch.tensor(draws["t"][k]), torch.tensor(draws["y"][k])
    at = t.reshape(-1, 1, 1, 1)
    loss = ((sit(weights, at * x1 + (1 - at) * x0, t, y) - (x1 - x0)) ** 2).mean()
    loss.backward()
    optimiser.step()
    for name in names:
        checkpoint["model"][name] = weights[name].detach()
        checkpoint["ema"][name] = checkpoint["ema"][name] * 0.99 + weights[name].detach() * 0.01
    checkpoint["opt"] = optimiser.state_dict()
    return loss.item()


def main():
    transit, scratch, goldens = sys.argv[1:]
    draws = np.load(os.path.join(goldens, "train20.npz"))
    options = ("train --draws %s/train20.npz --num-classes 10 --num-heads 3 --hidden 48 --depth 3 --global-batch-size 4 --lr 1e-3 "
               "--weight-decay 0.01 --ema-decay 0.99 --dtype f64 --log-every 1 --threads 1 --force" % goldens).split()
    subprocess.run([transit, *options, "--init-weights", goldens + "/ema.pt", "--max-steps", "10", "--out", scratch + "/ours"], check=True,
                   stdout=subprocess.DEVNULL)
    checkpoint = torch.load(scratch + "/ours/checkpoints/0000010.pt", weights_only=True)
    loss = step(checkpoint, draws, 10)
    assert abs(loss / draws["losses"][10] - 1) < 1e-8, ("PyTorch's step", loss, draws["losses"][10])
    torch.save({key: checkpoint[key] for key in ("model", "ema", "opt", "args")}, scratch + "/theirs.pt")
    subprocess.run([transit, *options, "--ckpt", scratch + "/theirs.pt", "--max-steps", "20", "--out", scratch + "/after"], check=True,
                   stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(scratch + "/after/metrics.jsonl")]
    assert [line["step"] for line in lines] == list(range(12, 21)), lines
    worst = max(abs(line["loss"] / want - 1) for line, want in zip(lines, draws["losses"][11:]))
    assert worst < 1e-8, ("losses after PyTorch's step", worst)
    end = torch.load(scratch + "/after/checkpoints/0000020.pt", weights_only=True)
    for name, key in (("model", "final_linear_weight"), ("ema", "ema_final_linear_weight")):
        far = np.abs(end[name]["final_layer.linear.weight"].numpy() - draws[key]).max()
        assert far < 1e-8, (key, far)
    print("PyTorch %s: a step of its own and nine of ours behind it, losses to %.1e" % (torch.__version__, worst))


if __name__ == "__main__":
    main()
