"""Latents and pictures of the program against the numbers of diffusers, with Python alone.

usage: check_vae.py make FOLDER GOLDEN.npz      FOLDER/latents.npz, labelled, and FOLDER/mirrored.npy out of its z and x
       check_vae.py decoded DIR GOLDEN.npz      what `transit decode --dtype f64` has made of these
       check_vae.py levels DIR DIR              both have the same levels and files, the first no numbers
       check_vae.py encoded FILE GOLDEN.npz SCALING SHIFT MIRRORED.npz
                                                what `transit encode --dtype f64 --flip --latents mean` has made of x
       check_vae.py drawn FILE SCALING SHIFT    latents are draws: their normals look like normals
       check_vae.py same_levels FILE FILE       arr_0 is the same
       check_vae.py labels FILE LABEL...        the labels
"""
import math
import os
import struct
import sys
import zipfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "support"))

import npy


def pack(shape, numbers, code):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (code, tuple(shape))
    head += " " * ((-len(head) - 11) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + struct.pack(
        "<%d%s" % (len(numbers), npy.CODES[code]), *numbers)


def agree(got, want, tolerance, what):
    assert got[0] == want[0], (what, got[0], want[0])
    most = max(map(abs, want[1]))
    off = max(abs(a - b) for a, b in zip(got[1], want[1]))
    assert off <= tolerance * most, (what, off / most)


def lines(array):
    """Rows of the last extent."""
    width = array[0][-1]
    return [array[1][i:i + width] for i in range(0, len(array[1]), width)]


def make(folder, golden):
    arrays = npy.load(golden)
    with zipfile.ZipFile(folder + "/latents.npz", "w") as out:
        out.writestr("latents.npy", pack(*arrays["z"], "<f8"))
        out.writestr("labels.npy", pack([2], [7, 3], "<i8"))
    mirrored = [v for line in lines(arrays["x"]) for v in reversed(line)]
    with open(folder + "/mirrored.npy", "wb") as out:
        out.write(pack(arrays["x"][0], mirrored, "<f8"))


def png_size(path):
    with open(path, "rb") as file:
        head = file.read(26)
    assert head[:8] == b"\x89PNG\r\n\x1a\n" and head[24] == 8 and head[25] == 2, path
    return struct.unpack(">II", head[16:24])


def decoded(folder, golden):
    want, got = npy.load(golden), npy.load(folder + "/images.npz")
    agree(got["images"], want["decoded"], 1e-9, "images")
    assert got["arr_0"] == want["levels"], "levels"
    assert got["labels"][1] == [7, 3], got["labels"]
    n, height, width, _ = got["arr_0"][0]
    names = sorted(os.listdir(folder + "/images"))
    assert names == ["%06d.png" % i for i in range(n)], names
    for name in names:
        assert png_size(folder + "/images/" + name) == (width, height), name


def levels(first, second):
    a, b = npy.load(first + "/images.npz"), npy.load(second + "/images.npz")
    assert "images" not in a and "images" in b
    assert a["arr_0"] == b["arr_0"] and a["labels"] == b["labels"]
    for name in sorted(os.listdir(second + "/images")):
        with open(first + "/images/" + name, "rb") as x, open(second + "/images/" + name, "rb") as y:
            assert x.read() == y.read(), name


def encoded(path, golden, scaling, shift, mirrored):
    got, want, other = npy.load(path), npy.load(golden), npy.load(mirrored)
    n = len(got["mean"][1]) // 2
    assert got["mean"][0][0] == 2 * want["mean"][0][0] and "labels" not in got
    for name in "mean", "logvar":
        agree((want[name][0], got[name][1][:n]), want[name], 1e-9, name)
        agree((want[name][0], got[name][1][n:]), other[name], 1e-12, name + " of mirror images")
    means = [(m - float(shift)) * float(scaling) for m in got["mean"][1]]
    agree(got["latents"], (got["mean"][0], means), 1e-14, "latents")


def drawn(path, scaling, shift):
    got = npy.load(path)
    normals = [(x / float(scaling) + float(shift) - m) * math.exp(-v / 2)
               for x, m, v in zip(got["latents"][1], got["mean"][1], got["logvar"][1])]
    n = len(normals)
    mean = sum(normals) / n
    var = sum((z - mean) ** 2 for z in normals) / n
    assert abs(mean) < 4 / n ** 0.5 and abs(var - 1) < 4 * (2 / n) ** 0.5, (n, mean, var)
    assert len(set(normals)) > 0.99 * n, "draws that are repeated"


def same_levels(first, second):
    a, b = npy.load(first)["arr_0"], npy.load(second)["arr_0"]
    assert a == b and len(set(a[1])) > 8, (a[0], b[0])


def labels(path, *want):
    assert npy.load(path)["labels"][1] == [int(label) for label in want], npy.load(path)["labels"]


globals()[sys.argv[1]](*sys.argv[2:])
