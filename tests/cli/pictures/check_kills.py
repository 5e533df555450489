"""Runs in shards that are killed at random moments, twenty a number of ranks: what is there is whole, and the same command goes
on to the bytes of a run that nobody killed. usage: check_kills.py TRANSIT CKPT RANKS.sh SCRATCH SEED [RANKS...]"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile

transit, ckpt, ranks_sh, scratch, seed, *ranks = sys.argv[1:]
KILLS = 20
END = b"\0\0\0\0IEND\xaeB`\x82"
WORDS = "ODE --sampling-method heun2 --num-sampling-steps 3 --num-samples 150 --shard-size 6 --batch-size 6 --class-labels random --threads 1"


def command(n, out):
    return (["sh", ranks_sh, str(n)] if n > 1 else []) + [transit, "sample", *WORDS.split(), "--ckpt", ckpt, "--out", out]


def results(out):
    """Hash by name of all but records, which tell when and where."""
    names = [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names if not name.endswith(".json")]
    return {os.path.relpath(name, out): hashlib.sha256(open(name, "rb").read()).hexdigest() for name in names}


def check_whole(out, want):
    """After a kill: whatever has its name is whole, and a result is that of the end."""
    for folder, _, names in os.walk(out):
        for name in (os.path.join(folder, name) for name in names):
            if name.endswith(".png"):
                assert open(name, "rb").read().endswith(END), name
            elif name.endswith(".npz") and "/.transit-" not in name:
                assert zipfile.ZipFile(name).testzip() is None, name
    for name in ("samples.npz", "samples.png"):
        path = os.path.join(out, name)
        assert not os.path.exists(path) or hashlib.sha256(open(path, "rb").read()).hexdigest() == want[name], path


def run_killed(n, out, moment):
    """Whether it ended before it was killed. Ranks are in groups of their own: each process below this one is killed."""
    run = subprocess.Popen(command(n, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(moment)
        assert run.returncode == 0, run.returncode
        return True
    except subprocess.TimeoutExpired:
        pass
    below = descendants(run.pid)
    for pid in [run.pid, *below]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    run.wait()
    while any(lives(pid) for pid in below):
        time.sleep(0.005)
    return False


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents.setdefault(int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
        except OSError:
            pass
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def finish(n, out):
    done = subprocess.run(command(n, out), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


plain = os.path.join(scratch, "plain")
finish(1, plain)
want = results(plain)
assert len(want) == 152, len(want)
moments = random.Random(int(seed))
for n in map(int, ranks):
    folder, ended = 0, 0
    once = os.path.join(scratch, f"once-{n}")
    started = time.time()
    finish(n, once)
    took = time.time() - started
    assert results(once) == want, n
    for kill in range(KILLS):
        out = os.path.join(scratch, f"killed-{n}-{folder}")
        if run_killed(n, out, moments.uniform(0.02, 0.9 * took)):
            ended += 1
        check_whole(out, want) if os.path.exists(out) else None
        if os.path.exists(os.path.join(out, "run.json")) or kill == KILLS - 1:
            finish(n, out)
            assert results(out) == want, (n, kill)
            assert not any(name.startswith(".") for name in os.listdir(out)), os.listdir(out)
            shutil.rmtree(out)
            folder += 1
    print(f"{n} ranks: {KILLS - ended} killed of {KILLS}, {folder} runs finished")
