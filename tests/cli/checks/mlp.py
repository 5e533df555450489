"""mlp.py WHAT ...: an MLP whose field is known, and what follows from it. With silu(z) - silu(-z) = z a hidden layer of
pairs makes the linear velocity v = A x + B, or with classes v = A x + y S B for the class y of 0, 1, 2 (the null class:
A x), in two dimensions; S = silu(silu(SIZE)). Along the Linear path it carries x0 to exp(A) x0 + B (exp(A) - 1) / A.
  make FILE.safetensors plain|classes [DTYPE]   the checkpoint; DTYPE is F32 or BF16, both exact here
  points FILE.npy                               six points
  foreign FILE.safetensors                      a tensor of no network that is known
  flow SAMPLES.npz POINTS.npy FACTOR [LABELS]   `latents` are where the points go, with B, or y S B, times FACTOR
  field FIELD.npz POINTS.npy FACTOR [LABELS]    `velocity` is that at the points
  density RESULT.npz POINTS.npy FACTOR [LABELS] `logp` is that of the points as data
  sampled SAMPLES.npz                           `logp` is that of `latents`
  loss LOSS.txt C                               every loss is that of data that are all C, within four errors"""
import ast
import json
import math
import struct
import sys
import zipfile

A, B = 0.5, (0.25, -1.0)
POINTS = [(0.5, -1.0), (0.0, 0.0), (2.0, 1.0), (-0.125, 0.75), (1.5, -2.5), (-3.0, 0.25)]
SIZE = 8.0  # of a label's row


def silu(v):
    return v / (1 + math.exp(-v))


def tensors(classes):
    units = 4 + (3 if classes else 0)
    x_in = [[0.0, 0.0] for _ in range(units)]
    x_in[0][0] = x_in[2][1] = 1.0
    x_in[1][0] = x_in[3][1] = -1.0
    out = [[0.0] * units for _ in range(2)]
    out[0][0], out[0][1], out[1][2], out[1][3] = A, -A, A, -A
    found = {"x_in.weight": x_in, "x_in.bias": [0.0] * units, "time_in.weight": [[0.0, 0.0] for _ in range(units)],
             "time_in.bias": [0.0] * units, "out.weight": out, "out.bias": [0.0, 0.0] if classes else list(B)}
    if classes:
        found["labels.weight"] = [[0.0] * units for _ in range(4)]
        for y in range(3):
            found["labels.weight"][y][4 + y] = SIZE
            for i in range(2):
                out[i][4 + y] = y * B[i]
    return found


def flat(value):
    return [v for part in value for v in flat(part)] if isinstance(value, list) else [value]


def extents(value):
    return [len(value)] + extents(value[0]) if isinstance(value, list) else []


def encode(values, dtype):
    raw = struct.pack(f"<{len(values)}f", *values)
    return raw if dtype == "F32" else b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))


def save(path, found, dtype="F32"):
    header, data = {}, b""
    for name, value in found.items():
        raw = encode(flat(value), dtype)
        header[name] = {"dtype": dtype, "shape": extents(value), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def save_points(path):
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (6, 2), }"
    head += b" " * (117 - len(head)) + b"\n"
    raw = struct.pack("<12d", *[v for point in POINTS for v in point])
    open(path, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head + raw)


def array(raw, shape):
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    assert head["shape"] == shape, (head["shape"], shape)
    code = {"<f8": "d", "<f4": "f"}[head["descr"]]
    return [v for (v,) in struct.iter_unpack("<" + code, raw[end:])]


def entry(path, name, *shape):
    with zipfile.ZipFile(path) as archive:
        return array(archive.read(name + ".npy"), shape)


def rows(values):
    return [tuple(values[i:i + 2]) for i in range(0, len(values), 2)]


def same(what, got, want, bound):
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        if not abs(a - b) <= bound * max(1, abs(b)):
            sys.exit(f"{what}, number {i}: {a!r}, expected {b!r}")


def offsets(factor, labels=None):
    if not labels:
        return [[float(factor) * b for b in B]] * len(POINTS)
    scale = float(factor) * silu(silu(SIZE))
    return [[scale * (int(y) if int(y) < 3 else 0) * b for b in B] for y in labels.split(",")]


def log_density(x1, offset):
    """Of a point under the flow of the standard normal."""
    x0 = [math.exp(-A) * v - b * (1 - math.exp(-A)) / A for v, b in zip(x1, offset)]
    return -0.5 * sum(v * v for v in x0) - math.log(2 * math.pi) - 2 * A


def main(what, path, *rest):
    if what == "make":
        save(path, tensors(rest[0] == "classes"), *rest[1:])
    elif what == "points":
        save_points(path)
    elif what == "foreign":
        save(path, {"conv1.weight": [[1.0]]})
    elif what == "flow":
        points, offset = rows(array(open(rest[0], "rb").read(), (6, 2))), offsets(*rest[1:])
        want = [math.exp(A) * v + b * (math.exp(A) - 1) / A for x, o in zip(points, offset) for v, b in zip(x, o)]
        same(path, entry(path, "latents", 6, 2), want, 1e-8)
    elif what == "field":
        points, offset = rows(array(open(rest[0], "rb").read(), (6, 2))), offsets(*rest[1:])
        same(path, entry(path, "velocity", 6, 2), [A * v + b for x, o in zip(points, offset) for v, b in zip(x, o)], 1e-6)
    elif what == "density":
        points, offset = rows(array(open(rest[0], "rb").read(), (6, 2))), offsets(*rest[1:])
        same(path, entry(path, "logp", 6), [log_density(x, o) for x, o in zip(points, offset)], 1e-7)
    elif what == "sampled":
        latents = rows(entry(path, "latents", 6, 2))
        same(path, entry(path, "logp", 6), [log_density(x, B) for x in latents], 1e-6)
    elif what == "loss":
        lines = [line.split() for line in open(path) if not line.startswith("#")]
        for t, got, _, _, error in lines:
            t, got, error, c = float(t), float(got), float(error), float(rest[0])
            want = sum((A * t * c + b - c) ** 2 for b in B) / 2 + (1 + A * (1 - t)) ** 2
            if not abs(got - want) <= 4 * error or error > 0.1 * want:
                sys.exit(f"loss at {t}: {got} +- {error}, expected {want}")
        assert len(lines) == 5
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
