"""Makes the seed corpora of the fuzz targets. usage: seeds.py FOLDER

FOLDER/NAME/ is the corpus of fuzz_NAME, FOLDER/NAME-WHAT/ another one of the same target. Small files, out of tests/data or
made here, the same every time. Needs Python 3 alone."""

import glob
import io
import json
import os
import pickle
import struct
import sys
import zipfile
import zlib

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
data = os.path.join(root, "tests", "data")
folder = sys.argv[1]
LARGEST = 26000


def put(corpus, name, content):
    os.makedirs(os.path.join(folder, corpus), exist_ok=True)
    with open(os.path.join(folder, corpus, name), "wb") as f:
        f.write(content)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def no_checksums(archive):
    """The same archive with every CRC-32 zero, which readers take for none: what is behind them stays in reach."""
    out = bytearray(archive)
    for signature, at in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        start = out.find(signature)
        while start >= 0:
            out[start + at : start + at + 4] = bytes(4)
            start = out.find(signature, start + 1)
    return bytes(out)


def zipped(entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in entries.items():
            z.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def npy(descr, shape, values, fortran=False, version=1):
    header = str({"descr": descr, "fortran_order": fortran, "shape": shape}).encode()
    header += b" " * (117 - len(header)) + b"\n"
    length = struct.pack("<H", len(header)) if version == 1 else struct.pack("<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + values


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(depth, kind, row, height=4, width=4, more=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    rows = b"".join(b"\0" + row for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def safetensors(header, content):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


# ---- checkpoints ----
for path in sorted(glob.glob(os.path.join(data, "checkpoints", "*"))):
    content, name = read(path), os.path.basename(path)
    if len(content) > LARGEST:
        continue
    if content.startswith(b"PK"):
        put("checkpoint-zip", name, no_checksums(content))
        put("model", name, no_checksums(content))
        put("zip", name, content)
        with zipfile.ZipFile(path) as z:
            for entry in z.namelist():
                if entry.endswith("data.pkl"):
                    with z.open(entry) as member:
                        member._expected_crc = None  # one of the archives has no checksums
                        put("pickle", name, member.read())
    elif name.endswith(".safetensors"):
        put("checkpoint-safetensors", name, content)
        put("model", name, content)
    else:
        put("checkpoint-legacy", name, content)
values = [None, True, 1, -(2**40), 2**80, 1.5, "caf\xe9", b"\xff", [1, 2], (1, (2,)), {"a": {"b": []}}, {1, 2}, frozenset((3,))]
for protocol in range(6):
    put("pickle", f"values-{protocol}", pickle.dumps(values, protocol))
put("checkpoint-safetensors", "blanks", b"\xef\xbb\xbf \n")
tensor = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
put("checkpoint-safetensors", "two", safetensors({"__metadata__": {"format": "pt", "num_heads": "2"}, "a": tensor, "b": dict(tensor, dtype="BF16", data_offsets=[16, 24])}, bytes(24)))
mlp = {"layers.0.weight": dict(tensor, shape=[2, 2]), "layers.0.bias": dict(tensor, shape=[2], data_offsets=[16, 24])}
put("model", "mlp", safetensors(mlp, bytes(24)))

# ---- arguments, targets ----
arguments = {"num_heads": 4, "path_type": "Linear", "lr": 1e-4, "ema": True, "none": None, "list": [1, 2], "object": {"a": "b"}, "text": "caf\xe9"}
put("args", "all", json.dumps(arguments).encode())
put("args", "mark", b"\xef\xbb\xbf" + json.dumps({"num_heads": 4}).encode())
for path in sorted(glob.glob(os.path.join(root, "experiments", "digits", "*.json"))):
    put("args", os.path.basename(path), read(path))
for i, text in enumerate(("gmm:d=2,modes=8,std=0.05", "gmm:d=3,modes=2,std=.1,radius=2,seed=7", "gaussian:d=2,mean=0.5/1,std=1/2")):
    put("mixture", f"text-{i}", text.encode())
put("mixture", "json", json.dumps({"weights": [0.25, 0.75], "means": [[0, 0], [1, 1]], "variances": [0.5, [0.1, 0.2]]}).encode())
put("mixture", "full", json.dumps({"weights": [1], "means": [[0, 0]], "variances": [[[1, 0.5], [0.5, 1]]], "normalise": True}).encode())
put("mixture", "one", json.dumps({"mean": [0, 1], "cov": [[1, 0], [0, 2]]}).encode())

# ---- what runs leave in their folders ----
COLUMNS = "mode,solver,path,grid,form,norm,last_step,rtol,steps,seed,status,nfe,accepted,rejected,rms,relative,mean_error,mean_noise,cov_error,cov_noise,sw2,sw2_floor,wall_seconds,message\n"
rows = [
    "ODE,dopri5,Linear,,,,,0.01,,0,ok,43,6,1,0.001,0.002,0.1,0.1,0.1,0.1,0.4,0.3,0.01,\n",
    "ODE,euler,Linear,uniform,,,,,2,0,failed,2,2,0,,,,,,,,,0.01,\"it gave up, 'so'\"\n",
    "SDE,shark,VP,uniform,sigma,1,Mean,,4,1,diverged,9,4,0,,,,,,,,,1e-3,\n",
]
put("sweep-rows", "whole", (COLUMNS + "".join(rows)).encode())
put("sweep-rows", "torn", (COLUMNS + rows[0] + rows[1][:40]).encode())
put("sweep-rows", "twice", (COLUMNS + rows[0] * 2).encode())
ABLATION = "path,prediction,loss_weight,seed,status,steps,ode_nfe,sde_nfe,likelihood_nfe,train_loss,ode_energy,sde_energy,floor_energy,nll,nll_se,kl,kl_se,bpd,bpd_se,message\n"
rows = ["Linear,velocity,any,0,ok,9,100,100,50,0.5,0.1,0.2,0.01,1.5,0.1,0.01,0.01,,,\n", "VP,noise,none,1,diverged,3,0,0,0,,,,,,,,,,,\"a step\"\n"]
put("sweep-ablation", "whole", (ABLATION + "".join(rows)).encode())
record = {
    "transit": "0.2.0",
    "command": "sweep",
    "mode": None,
    "options": {"target": "gmm:d=2,modes=2,std=0.2", "solvers": ["dopri5", "euler", "shark"], "steps": [2, 4], "rtol": [0.01], "seeds": "0:2", "path-types": ["Linear", "VP"]},
    "target": {"weights": [0.5, 0.5], "means": [[2.0, 0.0], [-2.0, 0.0]], "variances": [[0.04, 0.04]] * 2, "network": {"kind": "sit"}},
    "parameters": {"interpolant": {"VP": {"sigma_min": 0.1, "sigma_max": 20.0}}},
    "grid_file": None,
}
put("sweep-manifest", "whole", json.dumps(record).encode())
sample = {"transit": "0.2.0", "command": "sample", "mode": "SDE", "options": {"ckpt": "a.pt", "seed": 3, "steps": 4, "global-seed": 1, "form-param": {"eta": 0.5}, "batch": 8}}
train = {
    "command": "train",
    "arguments": ["--data-path", "/", "--max-steps", "9", "--path-type=VP", "--path-param", "sigma_max=15", "--lr", "1e-3", "--betas", "0.9,0.99", "--flip", "--out", "x"],
    "options": {"data-path": "b.npz", "max-steps": 9, "lr": 0.001, "lr-schedule": "cosine", "path-param": {"sigma_min": 0.1, "sigma_max": 15.0}, "ema-decay": [0.5], "epochs": 1400, "global-batch-size": 256},
    "data_sha256": "0" * 64,
    "steps": 9,
    "inputs": 1797,
}
for name, content in (("sample", sample), ("train", train), ("sweep", record)):
    put("record", name, json.dumps(content).encode())
put("resume", "train", json.dumps(train).encode())
put("resume", "short", json.dumps({"command": "train", "arguments": ["--draws", "a"], "options": {}}).encode())
drawn = {"cfg-scale": 1.5, "cfg-channels": "first3", "cfg-interval": [0.2, 0.8], "path-type": "Linear", "prediction": "velocity"}
put("drawn", "record", json.dumps({"command": "sample", "options": drawn}).encode())
text = json.dumps(drawn).encode()
put("drawn", "archive", no_checksums(zipped({"latents.npy": npy("<f4", (1, 1), bytes(4)), "drawn_with.npy": npy("|u1", (len(text),), text)})))
put("shards", "two", json.dumps({"metadata": {"total_size": 12}, "weight_map": {"a": "1", "b": "2"}}).encode())
put("shards", "lacks", json.dumps({"weight_map": {"b": "1", "c": "3", "d": "../2", "e": "index.json"}}).encode())
opt = {"state": {}, "param_groups": []}
put("checkpoint-zip", "empty-opt", no_checksums(zipped({"a/data.pkl": pickle.dumps({"opt": opt, "model": {}}, 2), "a/version": b"3"})))

# ---- arrays ----
plain = {
    "f8": npy("<f8", (2,), bytes(16)),
    "f4": npy("<f4", (1, 3, 2, 2), bytes(48)),
    "f2": npy("<f2", (2, 3, 2, 2), bytes(48)),
    "u1": npy("|u1", (2, 2, 2, 3), bytes(24)),
    "i8": npy("<i8", (2, 1), bytes(16)),
    "b1": npy("|b1", (), b"\1"),
    "fortran": npy("<i2", (2, 3), bytes(12), True),
    "long": npy("<f8", (1,), bytes(8), version=2),
}
for name, content in plain.items():
    put("npy", name, content)
    put("data", name, content)
archives = {
    "images": {"images.npy": plain["u1"], "labels.npy": plain["i8"]},
    "latents": {"latents.npy": plain["f2"], "label.npy": plain["i8"]},
    "bare": {"arr_0.npy": plain["u1"], "arr_1.npy": plain["i8"]},
    "rows": {"latents.npy": npy("<f4", (2, 4), bytes(32)), "x": b"no array"},
}
for name, entries in archives.items():
    put("data", name + ".npz", no_checksums(zipped(entries)))
    put("zip", name + ".npz", zipped(entries, zipfile.ZIP_DEFLATED))

# ---- pictures ----
pictures = {
    "grey1": png(1, 0, b"\xa0"),
    "grey8": png(8, 0, bytes(range(4))),
    "grey16": png(16, 0, bytes(8)),
    "alpha": png(8, 4, b"\1\xff" * 4),
    "rgb": png(8, 2, bytes(range(12))),
    "rgba16": png(16, 6, b"\xff" * 32),
    "palette": png(2, 3, b"\x1b", more=chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", b"\xff\xff")),
    "transparent": png(8, 2, bytes(range(12)), more=chunk(b"tRNS", bytes(6))),
    "texts": png(8, 0, bytes(4), more=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b" * 99)) + chunk(b"gAMA", struct.pack(">I", 45455))),
    "interlaced": png(8, 0, bytes(4), interlace=1),
}
for name, content in pictures.items():
    put("png", name, content)
for path in sorted(glob.glob(os.path.join(data, "images", "*.jpg"))):
    content = bytearray(read(path))
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    content[at + 5 : at + 9] = struct.pack(">HH", 16, 16)  # the first 16 x 16 pixels: the rest of the data is left over
    put("jpeg", os.path.basename(path), bytes(content))

# ---- autoencoders ----
for path in sorted(glob.glob(os.path.join(data, "goldens", "vae*", "**", "config.json"), recursive=True)):
    put("vae", os.path.basename(os.path.dirname(path)), read(path))
put("vae", "odd", b'{"sample_size": [64, 32], "shift_factor": null, "act_fn": "swish", "latents_mean": null, "more": {"a": [1]}}')

# ---- texts ----
put("columns", "grid", b"t\n0 # noise\n0.25\n\n1\n")
put("columns", "table", b"# t, D\n0, 1\r\n0.5\t2e-3\n1 3\n")
put("columns", "labels", b"1, 2,3\n4 5 # six\n")
put("columns", "mark", b"\xef\xbb\xbf0\n1\n")
put("text", "plain", "caf\xe9 \u20ac \U0001f30d".encode())
put("text", "odd", b"a\x1b[31m\n\xc2\x9b\xff\xe2\x80\xae\xc0\x80")
