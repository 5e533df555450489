"""How many drawn digits are what they should be: 3 nearest neighbours among the real ones.

usage: python3 classify.py DIGITS.npz SAMPLES.npz...   (needs nothing but Python)
DIGITS.npz holds `images` (N, 8, 8) of levels and `labels`; SAMPLES.npz `arr_0` (N, 8, 8, 3) of levels and `labels`, as
`transit sample` writes them. Prints a line for each file: the share that the neighbours' majority puts in its own class."""
import ast
import struct
import sys
import zipfile


def load(archive, name):
    """Shape and numbers of an array of small integers."""
    raw = archive.read(name + ".npy")
    size = struct.unpack("<H", raw[8:10])[0]
    header = ast.literal_eval(raw[10:10 + size].decode())
    code = {"|u1": "B", "<i4": "i", "<i8": "q"}[header["descr"]]
    return header["shape"], list(struct.iter_unpack("<" + code, raw[10 + size:]))


def pictures(path, name):
    """Rows of 64 grey levels, and their labels."""
    with zipfile.ZipFile(path) as archive:
        shape, levels = load(archive, name)
        _, labels = load(archive, "labels")
    channels = shape[3] if len(shape) == 4 else 1
    flat = [level for (level,) in levels[::channels]]
    area = shape[1] * shape[2]
    return [flat[i * area:(i + 1) * area] for i in range(shape[0])], [label for (label,) in labels]


def majority(votes):
    """The class with most votes; the nearest one's where all differ."""
    return max(votes, key=lambda vote: (votes.count(vote), -votes.index(vote)))


def classify(picture, real, labels):
    def distance(other):
        return sum((a - b) * (a - b) for a, b in zip(picture, other))
    near = sorted(range(len(real)), key=lambda i: distance(real[i]))[:3]
    return majority([labels[i] for i in near])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    real, labels = pictures(sys.argv[1], "images")
    for path in sys.argv[2:]:
        drawn, wanted = pictures(path, "arr_0")
        right = sum(classify(p, real, labels) == w for p, w in zip(drawn, wanted))
        print("%s: %d of %d right (%.1f %%)" % (path, right, len(drawn), 100 * right / len(drawn)))


if __name__ == "__main__":
    main()
