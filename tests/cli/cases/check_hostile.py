"""Feeds every reader of the program names and contents that hold ESC, a line break, a C1 control and bytes that are no
UTF-8: whatever it says is valid UTF-8 without a control character, one line where it refuses, and no signal ends it.

usage: check_hostile.py PROGRAM SCRATCH CHECKPOINT. Prints a line for each fault; status 1 when there is one."""

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile

transit, scratch, digits = sys.argv[1:4]
RAW = b"a\x1b[31m\nb\xc2\x9b\xff"
TEXT = "a\x1b[31m\nb\x9b"  # what JSON can say of it
faults = []
runs = 0


def controls(text):
    return [c for c in text if ord(c) < 0x20 and c != "\n" or 0x7F <= ord(c) <= 0x9F]


def run(name, arguments, statuses=(0, 1, 2), lines=None):
    global runs
    runs += 1
    done = subprocess.run([os.fsencode(transit)] + [a if isinstance(a, bytes) else a.encode() for a in arguments], capture_output=True, timeout=120)
    said = done.stdout + done.stderr
    try:
        text = said.decode()
    except UnicodeDecodeError as e:
        faults.append(f"{name}: {e}")
        return text_of(said)
    if controls(text):
        faults.append(f"{name}: control characters {controls(text)!r}: {text!r}")
    if done.returncode not in statuses:
        faults.append(f"{name}: status {done.returncode}: {text}")
    if done.returncode in (1, 2) and len([l for l in done.stderr.splitlines() if b"warning:" not in l]) != 1:
        faults.append(f"{name}: not one line: {text!r}")
    if lines is not None and lines not in text:
        faults.append(f"{name}: does not say {lines!r}: {text!r}")
    return text


def text_of(said):
    return said.decode(errors="replace")


def path(name):
    return os.path.join(os.fsencode(scratch), name if isinstance(name, bytes) else name.encode())


def write(name, content):
    with open(path(name), "wb") as f:
        f.write(content)
    return path(name)


def zipped(entries, **options):
    """Names may be bytes: zipfile writes text, so that a stand-in of the same length is exchanged afterwards."""
    out, exchange = io.BytesIO(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, **options) as z:
        for i, (name, content) in enumerate(entries):
            stand_in = b"%c" % (65 + i) * len(name)
            exchange.append((stand_in, name))
            z.writestr(stand_in.decode(), content)
    data = out.getvalue()
    for stand_in, name in exchange:
        data = data.replace(stand_in, name)
    return data


def npy(values=b"\0" * 8, shape="(1,)", descr="<f8"):
    header = b"{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr.encode(), shape.encode())
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def safetensors(header):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * 64


def pickle(body):
    return zipped([(b"x/data.pkl", b"\x80\x02" + body + b"."), (b"x/version", b"3\n")])


def text(data):
    return b"X" + struct.pack("<I", len(data)) + data


fresh = ["--out", os.path.join(scratch, "out"), "--force"]
draw = ["sample", "ODE", "--num-samples", "1", "--sampling-method", "euler", "--num-sampling-steps", "2"] + fresh
score = ["--class-labels", "1", "--method", "euler", "--num-sampling-steps", "3", "--probes", "1"] + fresh

# checkpoints
run("zip entry", ["inspect", write("entry.pt", zipped([(RAW + b"/data.pkl", b"\x80\x02}.")]))], (1,))
run("zip entry, twice", ["inspect", write("twice.pt", zipped([(RAW, b"1"), (RAW, b"2")]))], (1,))
run("global", ["inspect", write("global.pt", pickle(b"c" + RAW.replace(b"\n", b"") + b"\nN\x1b\xff\n"))], (0, 1))
run("key", ["inspect", write("key.pt", pickle(b"}(" + text(RAW[:-1]) + b"K\1u"))], (0, 1))
run("key, no UTF-8", ["inspect", write("key8.pt", pickle(b"}(" + text(RAW) + b"K\1u"))], (0, 1))
run("args", ["inspect", write("args.pt", pickle(b"}(" + text(b"args") + b"}" + text(RAW[:-1]) + text(RAW[:-1]) + b"su"))], (0, 1))
tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}
run("safetensors", ["inspect", write("a.safetensors", safetensors({TEXT: tensor}))], (1,))
run("safetensors type", ["inspect", write("b.safetensors", safetensors({"a": dict(tensor, dtype=TEXT)}))], (1,))
run("safetensors metadata", ["inspect", write("c.safetensors", safetensors({"__metadata__": {TEXT: TEXT}, "a": dict(tensor, data_offsets=[0, 8])}))], (0, 1))
run("no JSON", ["inspect", write("d.safetensors", struct.pack("<Q", 40) + b'{"' + RAW * 3 + b'": 1}' + b" " * 40)], (1,))
run("unknown", ["inspect", write("unknown.pt", RAW)], (1,))

# a good checkpoint under an odd name, and what lies beside one
odd = path(RAW + b".pt")
shutil.copy(digits, odd)
shutil.copy(digits + ".json", odd + b".json")
run("inspect", ["inspect", odd], (0,))
described = run("inspect --json", ["inspect", "--json", odd], (0,))
try:
    if "b?" not in json.loads(described)["file"]:
        faults.append(f"inspect --json: file is {json.loads(described)['file']!r}")
except ValueError as e:
    faults.append(f"inspect --json: {e}: {described!r}")
run("odd checkpoint", draw + ["--ckpt", odd], (0,))
with open(path("out/run.json"), "rb") as f:
    record = f.read()
if controls(record.decode()) or "b?" not in json.loads(record)["options"]["ckpt"]:
    faults.append(f"run.json: {json.loads(record)['options']['ckpt']!r}")
beside = path("beside.pt")
shutil.copy(digits, beside)
known = json.load(open(digits + ".json"))
for name, content in {"text": json.dumps(dict(known, note=TEXT), ensure_ascii=False).encode(),
                      "name": json.dumps(dict(known, **{TEXT: 1})).encode(),
                      "value": json.dumps(dict(known, num_heads=TEXT)).encode(),
                      "other path": json.dumps(dict(known, path_type=TEXT)).encode(),
                      "no UTF-8": b'{"note": "' + RAW + b'"}',
                      "no JSON": RAW}.items():
    write("beside.pt.json", content)
    run("FILE.json, " + name, ["inspect", beside])

# arrays
npz = write("bytes.npz", zipped([(RAW + b".npy", npy())]))
run("loss", ["loss", "--ckpt", digits, "--points", "2", "--num-samples", "2", "--data", write(RAW + b".npz", open(digits.replace("-ema.pt", ".npz"), "rb").read())] + fresh, (0,))
with open(path("out/loss.txt"), "rb") as f:
    table = f.read()
if controls(table.decode()) or not all(line.startswith((b"#", b"0.")) for line in table.splitlines()):
    faults.append(f"loss.txt: {table!r}")
run("npz --init", draw + ["--ckpt", digits, "--init", npz], (1, 2))
run("npz --data", ["likelihood", "--ckpt", digits, "--data", npz] + score, (1, 2))
run("npz, unread", ["likelihood", "--ckpt", digits, "--data",
                    write("unread.npz", zipped([(b"latents.npy", npy(b"\0" * 512, "(1, 1, 8, 8)")), (b"b\xc2\x9b\xff.npy", npy())]))] + score, (0,), "not read is b??")
with open(path("out/histogram.gp"), "rb") as f:
    title = [line for line in f.read().splitlines() if line.startswith(b"set title")]
if len(title) != 1 or not title[0].startswith(b"set title '") or title[0].count(b"'") != 2:
    faults.append(f"histogram.gp: {title!r}: within double quotes gnuplot runs what stands in backquotes")
run("npy header", draw + ["--ckpt", digits, "--init", write("h.npy", npy(descr="<f8").replace(b"descr", RAW[:5]))], (1, 2))
run("npy name", draw + ["--ckpt", digits, "--init", write(RAW + b".npy", npy())], (1, 2))

# pictures
os.makedirs(path("pictures/0"))
write(b"pictures/0/" + RAW + b".png", b"no picture")
write(b"pictures/0/" + RAW + b".webp", RAW)
write(b"pictures/0/" + RAW + b".jpg", b"\xff\xd8\xff\xe0" + RAW * 9)
os.mkfifo(path(b"pictures/0/" + RAW))
run("pictures", ["likelihood", "--ckpt", digits, "--data", path("pictures")] + score, (1,))

# tables, grids, labels, targets
run("grid", draw + ["--ckpt", digits, "--time-grid", "list", "--grid-file", write("grid.txt", b"0\n" + RAW + b"\n1\n")], (1,))
run("labels", draw + ["--ckpt", digits, "--class-labels", b"@" + write("labels.txt", RAW)], (2,))
run("table", ["sample", "SDE", "--ckpt", digits, "--diffusion-form", "table", "--diffusion-table", write(RAW + b".txt", RAW)] + fresh, (1,))
for i, target in enumerate((json.dumps({TEXT: 1}).encode(), json.dumps({"weights": TEXT}).encode(), RAW, b'{"' + RAW + b'": 1}')):
    sweep = ["sweep", "--solvers", "euler", "--steps", "2", "--num-samples", "4", "--seeds", "0:2", "--out", os.path.join(scratch, "sweep"), "--target"]
    run(f"target {i}", sweep + [write(f"target{i}.json", target)], (1, 2))
run("target name", sweep + [write(RAW + b".json", b"[]")], (1, 2))

# a sweep's own files
small = sweep[:-1] + ["--target", "gaussian:d=2"]
run("sweep", small, (0,))
kept = {name: open(path("sweep/" + name), "rb").read() for name in ("manifest.json", "results.csv")}
for name, contents in {"manifest.json": (RAW, b"[]", b"", kept["manifest.json"].replace(b"gaussian", b"gau\\u009b\\u001b")),
                       "results.csv": (RAW, kept["results.csv"] + RAW + b"\n", kept["results.csv"].replace(b"ok", b"o\x1b"))}.items():
    for content in contents:
        write("sweep/" + name, content)
        said = run(name, small, (0, 1, 2))
        if "line -1" in said:
            faults.append(f"{name}: {said}")
    write("sweep/" + name, kept[name])

for fault in faults:
    print(fault)
print(f"{runs} runs, {len(faults)} faults")
sys.exit(bool(faults) or runs < 30)
