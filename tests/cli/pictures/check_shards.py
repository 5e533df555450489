"""The folder of a run in shards: samples.npz with arr_0 first, uint8 (N, H, W, 3), stored, at a multiple of 64 bytes and without
a date; images as they are numbered; the same as a run at once, where one is given. usage: check_shards.py DIR [WHOLE]"""

import ast
import json
import os
import struct
import sys
import zipfile
import zlib

CODES = {"<f4": "f", "<f8": "d", "<i4": "i", "|u1": "B"}


def arrays(path):
    """{name: (shape, descr, bytes)}, in order."""
    out = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, path
        for entry in archive.infolist():
            raw = archive.read(entry)
            end = 10 + struct.unpack("<H", raw[8:10])[0]
            head = ast.literal_eval(raw[10:end].decode())
            assert entry.compress_type == zipfile.ZIP_STORED and entry.date_time == (1980, 1, 1, 0, 0, 0), entry
            assert not head["fortran_order"]
            out[entry.filename[:-4]] = head["shape"], head["descr"], raw[end:]
    return out


def png(path):
    """Width, height and the levels of an RGB PNG that is not interlaced."""
    raw = open(path, "rb").read()
    at, data = 8, b""
    while at < len(raw):
        size, kind = struct.unpack(">I4s", raw[at : at + 8])
        body = raw[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", raw[at + 8 + size : at + 12 + size])[0], path
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 2), path
        data += body if kind == b"IDAT" else b""
        at += 12 + size
    return height, width, unfilter(zlib.decompress(data), height, width * 3)


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def unfilter(data, height, stride):
    rows, before = b"", bytes(stride)
    for y in range(height):
        kind, row = data[y * (stride + 1)], bytearray(data[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left, above, corner = (row[i - 3] if i >= 3 else 0), before[i], (before[i - 3] if i >= 3 else 0)
            row[i] = (row[i] + (0, left, above, (left + above) // 2, paeth(left, above, corner))[kind]) % 256
        rows, before = rows + row, row
    return rows


folder = sys.argv[1]
got = arrays(os.path.join(folder, "samples.npz"))
record = json.load(open(os.path.join(folder, "run.json")))
n = record["options"]["num-samples"]
assert sum(batch["samples"] for batch in record["batches"]) == n
assert [batch["first"] for batch in record["batches"]] == sorted(batch["first"] for batch in record["batches"])
assert not os.path.exists(os.path.join(folder, "shards"))
if "arr_0" in got:
    shape, descr, levels = got["arr_0"]
    assert list(got) == ["arr_0", "labels", "drawn_with"], list(got)
    assert descr == "|u1" and shape[0] == n and len(shape) == 4 and shape[3] == 3, shape
    names = sorted(os.listdir(os.path.join(folder, "images")))
    assert names == [f"{i:06d}.png" for i in range(n)], names[:3]
    size = len(levels) // n
    for i, name in enumerate(names):
        assert png(os.path.join(folder, "images", name)) == (*shape[1:3], levels[i * size : (i + 1) * size]), name
else:
    assert list(got)[0] == "latents" and got["latents"][0][0] == n, list(got)
    assert not os.path.exists(os.path.join(folder, "images")) and not os.path.exists(os.path.join(folder, "samples.png"))
if len(sys.argv) > 2:
    want = arrays(os.path.join(sys.argv[2], "samples.npz"))
    for name, array in got.items():
        assert array == want[name], name
if "labels" in got and record["options"]["class-labels"] == "balanced":
    labels = struct.unpack(f"<{n}i", got["labels"][2])
    assert len({labels.count(k) for k in set(labels)}) == 1, labels
