#!/usr/bin/env python3
"""Writes the small checkpoints in tests/data/checkpoints with PyTorch itself (any version since 2.2, and numpy).

Every number is ((37 i + 11 k) mod 101 - 50) / 16 for element i of tensor k: exact in every floating type down to
bfloat16, and tests/nets/checkpoint/test_checkpoint.c works it out again.
"""
import argparse
import json
import os
import struct
import sys
import zipfile
from collections import OrderedDict

import torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "checkpoints")


def values(k, shape, dtype=torch.float32):
    n = 1
    for extent in shape:
        n *= extent
    numbers = [((37 * i + 11 * k) % 101 - 50) / 16 for i in range(n)]
    if not dtype.is_floating_point:
        numbers = [int(16 * x) & 1 if dtype in (torch.bool, torch.uint8) else int(16 * x) for x in numbers]
    return torch.tensor(numbers, dtype=dtype).reshape(shape)


def sit(first=0, hidden=4, depth=2, channels=1, patch=2, grid=2, rows=4, frequencies=8, learn_sigma=True):
    """The state dict of a SiT with three classes and the null class; tensor k of it holds values(first + k)."""
    last = patch * patch * channels * (2 if learn_sigma else 1)
    linear = [("x_embedder.proj", (hidden, channels, patch, patch)), ("t_embedder.mlp.0", (hidden, frequencies)),
              ("t_embedder.mlp.2", (hidden, hidden))]
    for block in range(depth):
        linear += [(f"blocks.{block}.attn.qkv", (3 * hidden, hidden)), (f"blocks.{block}.attn.proj", (hidden, hidden)),
                   (f"blocks.{block}.mlp.fc1", (4 * hidden, hidden)), (f"blocks.{block}.mlp.fc2", (hidden, 4 * hidden)),
                   (f"blocks.{block}.adaLN_modulation.1", (6 * hidden, hidden))]
    linear += [("final_layer.linear", (last, hidden)), ("final_layer.adaLN_modulation.1", (2 * hidden, hidden))]
    shapes = [("pos_embed", (1, grid * grid, hidden))]
    for name, shape in linear:
        shapes += [(name + ".weight", shape), (name + ".bias", shape[:1])]
    shapes.insert(7, ("y_embedder.embedding_table.weight", (rows, hidden)))
    return OrderedDict((name, values(first + k, shape)) for k, (name, shape) in enumerate(shapes))


def types():
    """Every element type, and views: transposed, with an offset, expanded, sharing a storage, without dimensions."""
    whole = values(3, (4, 6))
    return OrderedDict([
        ("f32", values(0, (2, 3))), ("f64", values(1, (5,), torch.float64)), ("f16", values(2, (3, 2), torch.float16)),
        ("bf16", values(4, (7,), torch.bfloat16)), ("i64", values(5, (3,), torch.int64)),
        ("i32", values(6, (3,), torch.int32)), ("u8", values(7, (4,), torch.uint8)),
        ("bool", values(8, (4,), torch.bool)), ("transposed", whole.t()), ("corner", whole[1:3, 2:5]),
        ("expanded", values(9, (3, 1)).expand(3, 4)), ("scalar", values(10, ())), ("empty", torch.zeros(0, 3)),
    ])


def args(**more):
    return argparse.Namespace(model="SiT-S/2", image_size=32, num_classes=3, path_type="GVP", prediction="noise",
                              loss_weight=None, train_eps=None, lr=1e-4, third=1 / 3, learn_sigma=True, big=2**40,
                              negative=-5, betas=(0.9, 0.999), note="two\nlines \u00e9", **more)


def optimizer_state():
    parameter = torch.nn.Parameter(values(20, (3, 2)))
    optimizer = torch.optim.AdamW([parameter], lr=1e-4)
    parameter.grad = values(21, (3, 2))
    optimizer.step()
    return optimizer.state_dict()


def safetensors(tensors, metadata):
    names = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL"}
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().flatten().view(torch.uint8) if tensor.numel() else torch.zeros(0, dtype=torch.uint8)
        raw = bytes(raw.tolist())
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


class Attack:
    """What a malicious file does: unpickling it runs a command."""
    def __reduce__(self):
        return os.system, ("echo this checkpoint ran a command",)


def rewrite(source, target, change):
    """Copies an archive, its members stored, each passed through change(short name, content); None drops it."""
    with zipfile.ZipFile(os.path.join(OUT, source)) as old, zipfile.ZipFile(os.path.join(OUT, target), "w") as new:
        for info in old.infolist():
            content = change(info.filename.split("/", 1)[1], old.read(info))
            if content is not None:
                new.writestr(zipfile.ZipInfo(info.filename), content)


def main():
    os.makedirs(OUT, exist_ok=True)

    def save(thing, name, **how):
        torch.save(thing, os.path.join(OUT, name), **how)

    legacy = {"_use_new_zipfile_serialization": False}
    train = {"model": sit(first=100), "ema": sit(), "args": args()}
    save({**train, "opt": optimizer_state()}, "train.pt")
    save({**train, "opt": optimizer_state()}, "train-legacy.pt", **legacy)
    save(types(), "types.pt")
    save(types(), "types-legacy.pt", **legacy)
    with open(os.path.join(OUT, "types.safetensors"), "wb") as out:
        out.write(safetensors(types(), {"format": "pt", "path_type": "VP"}))
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(values(0, (2, 3)))
        layer.bias.copy_(values(1, (2,)))
    wrapped = OrderedDict(("module." + name, tensor) for name, tensor in layer.named_parameters())
    save({"model": wrapped}, "wrapped.pt", pickle_protocol=4)
    save(layer.state_dict(), "bare.pt")
    torch.serialization.set_crc32_options(False)
    save(layer.state_dict(), "no-checksums.pt")
    torch.serialization.set_crc32_options(True)

    save({"model": layer.state_dict(), "args": Attack()}, "attack.pt")
    save({"model": layer.state_dict(), "args": Attack()}, "attack-legacy.pt", **legacy)
    rewrite("bare.pt", "bad-byteorder.pt", lambda name, content: b"big" if name == "byteorder" else content)
    rewrite("bare.pt", "bad-storage.pt", lambda name, content: content[:-4] if name == "data/0" else content)
    rewrite("bare.pt", "bad-missing.pt", lambda name, content: None if name == "data/1" else content)
    rewrite("bare.pt", "bad-no-pickle.pt", lambda name, content: None if name == "data.pkl" else content)
    rewrite("bare.pt", "bad-tail.pt", lambda name, content: content + b"N." if name == "data.pkl" else content)
    save([1, 2, 3], "bad-list.pt")
    save({"epoch": 3, "state": "none"}, "bad-no-weights.pt")
    save({"model": {"weight": 3.0}}, "bad-no-tensor.pt")
    sizes = {name: os.path.getsize(os.path.join(OUT, name)) for name in sorted(os.listdir(OUT))}
    print("\n".join(f"{size:6d} {name}" for name, size in sizes.items()), sum(sizes.values()), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
