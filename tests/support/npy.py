"""NumPy's files with Python alone: numbers as lists, and texts."""
import ast
import struct
import zipfile

CODES = {"<f8": "d", "<f4": "f", "<f2": "e", "<i8": "q", "<i4": "i", "|u1": "B"}


def parse(raw):
    """Shape and elements of a .npy, row by row in one list."""
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    assert not head["fortran_order"], head
    if head["descr"].startswith("<U"):
        width = 4 * int(head["descr"][2:])
        texts = [raw[at:at + width].decode("utf-32-le").rstrip("\0") for at in range(end, len(raw), width)]
        return head["shape"], texts
    return head["shape"], [v for (v,) in struct.iter_unpack("<" + CODES[head["descr"]], raw[end:])]


def load(path):
    """{name: (shape, elements)} of a .npz."""
    with zipfile.ZipFile(path) as archive:
        return {entry[:-4]: parse(archive.read(entry)) for entry in archive.namelist()}


def extract(path, names, folder):
    """Writes arrays of a .npz as FOLDER/NAME.npy."""
    with zipfile.ZipFile(path) as archive:
        for name in names:
            with open(f"{folder}/{name}.npy", "wb") as out:
                out.write(archive.read(name + ".npy"))
