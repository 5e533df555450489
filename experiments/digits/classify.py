"""How many drawn digits are what they should be: 3 nearest neighbours among the real ones.

usage: python3 classify.py [--least PERCENT] DIGITS.npz SAMPLES.npz...   (needs nothing but Python)
DIGITS.npz holds `images` (N, 8, 8) of levels and `labels`; SAMPLES.npz `arr_0` (N, 8, 8, 3) of levels and `labels`, as
`transit sample` writes them. Prints a line for each file: the share that the neighbours' majority puts in its own class.
Status 1 where it is less than PERCENT."""
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


def main(arguments):
    least = 0
    if arguments[:1] == ["--least"]:
        least, arguments = float(arguments[1]), arguments[2:]
    if len(arguments) < 2:
        sys.exit(__doc__)
    real, labels = pictures(arguments[0], "images")
    enough = True
    for path in arguments[1:]:
        drawn, wanted = pictures(path, "arr_0")
        right = sum(classify(p, real, labels) == w for p, w in zip(drawn, wanted))
        enough = enough and 100 * right >= least * len(drawn)
        print("%s: %d of %d right (%.1f %%)" % (path, right, len(drawn), 100 * right / len(drawn)))
    sys.exit(not enough)


if __name__ == "__main__":
    main(sys.argv[1:])
