"""Pictures of an .npz as a folder of PNGs, as a deflated .npz, and as a folder of two sizes. usage: SAMPLES.npz FOLDER PACKED.npz MIXED"""
import os
import struct
import sys
import zipfile
import zlib


def read(path):
    with zipfile.ZipFile(path) as archive:
        data = archive.read("arr_0.npy")
    start = 10 + struct.unpack("<H", data[8:10])[0]
    shape = eval(data[10:start].decode().split("'shape':")[1].split(")")[0] + ")")  # a header that we have written
    return data, shape, data[start:]


def png(path, height, width, pixels):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + pixels[i * width * 3 : (i + 1) * width * 3] for i in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


samples, folder, packed, mixed = sys.argv[1:]
whole, (n, height, width, _), pixels = read(samples)
one = height * width * 3
os.mkdir(folder)
os.mkdir(mixed)
for i in range(n):
    png(f"{folder}/{i:06d}.png", height, width, pixels[i * one : (i + 1) * one])
png(f"{mixed}/a.png", height, width, pixels[:one])
png(f"{mixed}/b.png", height // 2, width, pixels[:one])
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("arr_0.npy", "w", force_zip64=True) as entry:
        entry.write(whole)
