"""Time FID by `transit evaluate` against pytorch-fid (its own network, its own Frechet distance), on random weights and pictures.

usage: python tests/compare_inception.py [--transit build/transit] [--pictures 2000] [--side 64] [--rounds 3] [--threads 2]

Both sides take turns and evaluate two sets of --pictures pictures each, from the .npz to the number, at the full width of the
network, in f32, on --threads threads; medians over the rounds, of the clock and of the processor's time, and how far the two
numbers are apart. transit also computes sFID, Inception Score, precision, recall and KID meanwhile, with intervals. On a busy machine
fewer pictures tell the same. Needs, in an environment of one's own: pip install torch torchvision pytorch-fid numpy.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from pytorch_fid import inception
from pytorch_fid.fid_score import calculate_frechet_distance

CLASSES = 1008


def network():
    """The network that pytorch-fid evaluates, in the file format of its weights, with random ones."""
    torch.manual_seed(0)
    net = inception._inception_v3(num_classes=CLASSES, aux_logits=False, weights=None)
    for name, block in (("5b", inception.FIDInceptionA(192, pool_features=32)), ("5c", inception.FIDInceptionA(256, pool_features=64)),
                        ("5d", inception.FIDInceptionA(288, pool_features=64)), ("6b", inception.FIDInceptionC(768, channels_7x7=128)),
                        ("6c", inception.FIDInceptionC(768, channels_7x7=160)), ("6d", inception.FIDInceptionC(768, channels_7x7=160)),
                        ("6e", inception.FIDInceptionC(768, channels_7x7=192)), ("7b", inception.FIDInceptionE_1(1280)),
                        ("7c", inception.FIDInceptionE_2(2048))):
        setattr(net, "Mixed_" + name, block)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return net.eval()


def pictures(generator, n, side, softer):
    """Blocks of colour: pictures that differ by more than noise."""
    coarse = generator.integers(0, 256, (n, side // 8, side // 8, 3))
    fine = numpy.repeat(numpy.repeat(coarse, 8, 1), 8, 2) + generator.integers(-20, 21, (n, side, side, 3))
    return numpy.clip(fine // softer + (0 if softer == 1 else 64), 0, 255).astype(numpy.uint8)


def processor(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def by_torch(net, files):
    start, spent = time.monotonic(), processor(resource.RUSAGE_SELF)
    inception.fid_inception_v3 = lambda: net
    model, moments = inception.InceptionV3([3]).eval(), []
    for file in files:
        levels, features = numpy.load(file)["arr_0"], []
        with torch.no_grad():
            for first in range(0, len(levels), 50):  # the batch that pytorch-fid takes
                batch = torch.from_numpy(levels[first : first + 50]).permute(0, 3, 1, 2).float() / 255
                features.append(model(batch)[0].squeeze(3).squeeze(2).numpy())
        features = numpy.concatenate(features)
        moments += [features.mean(0), numpy.cov(features, rowvar=False)]
    fid = calculate_frechet_distance(*moments)
    return fid, time.monotonic() - start, processor(resource.RUSAGE_SELF) - spent


def by_transit(args, weights, files, folder):
    start, spent = time.monotonic(), processor(resource.RUSAGE_CHILDREN)
    subprocess.run([args.transit, "evaluate", "--samples", files[0], "--reference", files[1], "--inception", weights, "--preprocess", "torch",
                    "--no-cache", "--threads", str(args.threads), "--force", "--out", folder],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, used = time.monotonic() - start, processor(resource.RUSAGE_CHILDREN) - spent
    with open(os.path.join(folder, "evaluate.json"), encoding="utf-8") as file:
        return json.load(file)["fid"], seconds, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transit", default="build/transit")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.pictures < 4 or args.side % 8 or args.side < 8:
        sys.exit("at least 4 pictures, of a side that 8 divides")
    torch.set_num_threads(args.threads)
    net, rows = network(), []
    with tempfile.TemporaryDirectory() as folder:
        weights, files = os.path.join(folder, "inception.pth"), [os.path.join(folder, name) for name in ("a.npz", "b.npz")]
        torch.save({name: tensor for name, tensor in net.state_dict().items() if "num_batches" not in name}, weights)
        generator = numpy.random.default_rng(0)
        for file, softer in zip(files, (1, 2)):
            numpy.savez(file, arr_0=pictures(generator, args.pictures, args.side, softer))
        for i in range(args.rounds):
            rows.append(by_torch(net, files) + by_transit(args, weights, files, os.path.join(folder, "out")))
            print("round %d: FID %.8g and %.8g; pytorch-fid %.1f s, processor %.1f s; transit %.1f s, %.1f s" %
                  (i, rows[-1][0], rows[-1][3], rows[-1][1], rows[-1][2], rows[-1][4], rows[-1][5]), flush=True)
    clock = statistics.median(row[1] / row[4] for row in rows)
    work = statistics.median(row[2] / row[5] for row in rows)
    print("pytorch-fid over transit, median of %d rounds of 2 x %d pictures: %.2f by the clock, %.2f of the processor's time" %
          (args.rounds, args.pictures, clock, work))


if __name__ == "__main__":
    main()
