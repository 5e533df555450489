"""check_cases.py TRANSIT FOLDER SCRATCH [ID ...]: files and habits of real users, with Python alone. FOLDER/cases.json holds
the cases: id, argv (after TRANSIT; {out} is a fresh folder), either: alternatives, of which one must hold. In an
alternative: status (a list of exit statuses), equals [file of {out}, array, expected .npy, relative tolerance], says
[patterns, each in what was printed, less the arguments themselves], not_says, files [names that {out} must hold], clean
(nothing that begins with a dot is left in {out}). Cases whose files FOLDER lacks are left out. Nothing of a file is executed;
where two outcomes are allowed, either is right, and a silent wrong one is not."""
import ast
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile

transit, folder, scratch, wanted = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], set(sys.argv[4:])


def array(raw):
    """Shape and numbers of a .npy."""
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    head = ast.literal_eval(raw[10:end].decode())
    code = {"<f8": "d", "<f4": "f", "<f2": "e", "<i4": "i", "<i8": "q", "|u1": "B"}[head["descr"]]
    return head["shape"], [v for (v,) in struct.iter_unpack("<" + code, raw[end:])]


def differs(want, out):
    name, entry, file, bound = want
    path = os.path.join(out, name)
    if not os.path.exists(path):
        return f"no {name}"
    with zipfile.ZipFile(path) as archive, open(os.path.join(folder, file), "rb") as expected:
        (shape, got), (wanted_shape, right) = array(archive.read(entry + ".npy")), array(expected.read())
    if shape != wanted_shape:
        return f"{entry} has the shape {shape}, not {wanted_shape}"
    error = max(abs(a - b) for a, b in zip(got, right, strict=True)) / max(map(abs, right))
    return None if error <= bound else f"{entry} differs by {error:.1e} (relative), {bound:.0e} allowed"


def objection(want, status, text, out):
    """Why this alternative does not hold; None: it does."""
    if status not in want["status"]:
        return f"exit status {status}"
    for pattern in want.get("says", []):
        if not re.search(pattern, text, re.I):
            return f"does not say /{pattern}/"
    for pattern in want.get("not_says", []):
        if re.search(pattern, text, re.I):
            return f"says /{pattern}/"
    for name in want.get("files", []):
        if not os.path.exists(os.path.join(out, name)):
            return f"no {name}"
    if want.get("clean") and os.path.isdir(out) and any(n.startswith(".") for n in os.listdir(out)):
        return "leaves " + ", ".join(n for n in os.listdir(out) if n.startswith("."))
    return differs(want["equals"], out) if "equals" in want else None


def bare(text, argv):
    """What was printed, less the arguments."""
    text = text.replace(scratch, "")
    for a in sorted({a for a in argv if len(a) > 3 and not a.startswith("-")}, key=len, reverse=True):
        text = text.replace(a, "ARG").replace(os.path.splitext(a)[0] + "/", "ARG/")
    return text


def limited(size):
    def apply():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return apply if size else None


def run(case, out):
    argv = [transit] + [a.replace("{out}", out) for a in case["argv"]]
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, preexec_fn=limited(case.get("file_limit")))
    if "signal" in case:
        time.sleep(case["after"])
        process.send_signal(getattr(signal, case["signal"]))
    try:
        text = process.communicate(timeout=120)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        text = process.communicate()[0].decode(errors="replace") + "\n(not done after 120 s)"
    return process.returncode, text


def is_here(case):
    """Whether FOLDER has the files of the case: its operands, and what it is compared with."""
    options = ("--ckpt", "--data", "--init", "--times")
    named = [b for a, b in zip(case["argv"], case["argv"][1:]) if a in options]
    named += [a[1:] for a in case["argv"] if a.startswith("@")]
    named += [want["equals"][2] for want in case["either"] if "equals" in want]
    return all(os.path.exists(os.path.join(folder, name)) for name in named)


def main():
    with open(os.path.join(folder, "cases.json")) as file:
        cases = [c for c in json.load(file) if (not wanted or c["id"] in wanted) and is_here(c)]
    failed = 0
    for case in cases:
        out = os.path.join(scratch, "out-" + case["id"])
        shutil.rmtree(out, ignore_errors=True)
        status, text = run(case, out)
        objections = [objection(want, status, bare(text, case["argv"][1:]), out) for want in case["either"]]
        if all(objections):
            failed += 1
            last = (text.strip().splitlines() or [""])[-1][:300]
            print(f"FAILED: {case['id']}: {'; or '.join(objections)} | {last}", file=sys.stderr)
        shutil.rmtree(out, ignore_errors=True)
    print(f"{len(cases)} cases, {failed} failed")
    sys.exit(failed != 0 or not cases)


main()
