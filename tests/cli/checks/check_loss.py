"""The reference's 27 losses, and the norms of the gradient of their mean by the names of the parameters, through the command
line in float64. usage: check_loss.py TRANSIT SCRATCH GOLDENS"""
import glob
import os
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import npy

transit, scratch, goldens = sys.argv[1:]


def differs(got, want):
    """The largest difference relative to what is wanted."""
    return max(abs(a / b - 1) for a, b in zip(got, want, strict=True))


def loss(folder, labels, *options):
    """loss.npz of the arrays x1, x0 and t in a folder."""
    subprocess.run(
        [transit, "loss", "--ckpt", goldens + "/ema.pt", "--num-heads", "3", "--data", folder + "/x1.npy", "--noise", folder + "/x0.npy",
         "--times", folder + "/t.npy", "--class-labels", ",".join(map(str, labels)), "--grad-norms", "--dtype", "f64", "--points", "2",
         "--threads", "1", "--force", "--out", folder + "/out", *options], check=True, stdout=subprocess.DEVNULL)
    return npy.load(folder + "/out/loss.npz")


def reference(golden):
    path, prediction, weight = os.path.basename(golden)[:-4].split("_")[1:]
    want = npy.load(golden)
    npy.extract(golden, ("x1", "x0", "t"), scratch)
    got = loss(scratch, want["y"][1], "--path-type", path, "--prediction", prediction, "--loss-weight", weight)
    assert got["times"] == want["t"], (golden, "times")
    assert got["labels"][1] == want["y"][1], (golden, "labels")
    assert got["grad_names"] == want["grad_names"], (golden, "names", got["grad_names"])
    return [differs(got[name][1], want[name][1]) for name in ("loss", "grad_norms")]


def turned(golden):
    """A network of a time and a sign of its own (noise at 1): the losses of one without, of data and noise exchanged."""
    there = scratch + "/turned"
    os.makedirs(there)
    npy.extract(golden, ("x1", "x0", "t"), scratch)
    shutil.copy(scratch + "/x1.npy", there + "/x0.npy")
    shutil.copy(scratch + "/x0.npy", there + "/x1.npy")
    raw = open(scratch + "/t.npy", "rb").read()
    times = npy.parse(raw)[1]
    open(there + "/t.npy", "wb").write(raw[:-8 * len(times)] + struct.pack("<%dd" % len(times), *[1 - t for t in times]))
    labels = npy.load(golden)["y"][1]
    plain, other = loss(there, labels), loss(scratch, labels, "--time-direction", "noise-at-1")
    assert max(differs(other[name][1], plain[name][1]) for name in ("loss", "grad_norms")) < 1e-12, (plain, other)


def main():
    files = sorted(glob.glob(goldens + "/loss_*.npz"))
    assert len(files) == 27, files
    worst = [max(column) for column in zip(*map(reference, files))]
    print("27 losses to %.1e, norms of their gradients to %.1e (relative)" % tuple(worst))
    assert max(worst) < 1e-9, worst
    turned(goldens + "/loss_Linear_velocity_none.npz")


if __name__ == "__main__":
    main()
