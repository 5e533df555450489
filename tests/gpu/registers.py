"""Registers, shared memory and spills of the kernels, from what ptxas said when a build compiled them (build/cuda/*.cu.o.log).

usage: python3 registers.py BUILD [--doc docs/cuda.md [--write]]

Prints a row for each kernel; of one with several element types the largest numbers, and how many there are. Status 1: a kernel
spills on sm_90a, COLD ones apart; or the table in FILE, between its two marks, is another one although the nvcc that it names is
this one. --write puts it there.
"""

import argparse
import pathlib
import re
import subprocess
import sys

HOT_ARCH = "sm_90a"
# Kernels that may spill there: none of a forward, of a step of training or of a solver. Each with its reason.
COLD = {}
TYPES = ("float", "double", "__nv_bfloat16", "bool", "int", "unsigned", "true", "false")
BEGIN, END = "<!-- registers -->", "<!-- end of registers -->"


def parse(log):
    """(mangled, arch, registers, shared, spilled) of each kernel."""
    name = arch = spilled = None
    for line in log.splitlines():
        if found := re.search(r"Compiling entry function '(\S+)' for '(\S+)'", line):
            name, arch = found.groups()
            spilled = 0
        elif found := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spilled = int(found[2]) + int(found[3])
        elif name and (found := re.search(r"Used (\d+) registers", line)):
            shared = re.search(r"(\d+) bytes smem", line)
            yield name, arch, int(found[1]), int(shared[1]) if shared else 0, spilled
            name = None


def demangle(names):
    said = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(zip(names, said))


def plain(demangled):
    """The name without what stands before it, its types and its arguments; with the work that is its first parameter."""
    text = demangled.replace("(anonymous namespace)::", "").removeprefix("void ")
    name, work = re.match(r"(?:\w+::)*(\w+)(?:<(\w+))?", text).groups()
    return name if not work or work[0].isdigit() or work in TYPES else f"{name}<{work}>"


def read(folder):
    """{(file, kernel): {arch: [instances, registers, shared, spilled]}}"""
    kernels, found = {}, []
    source = pathlib.Path(cached(folder, "CMAKE_HOME_DIRECTORY"))
    for path in sorted((folder / "cuda").rglob("*.cu.o.log")):
        file = path.relative_to(folder).as_posix().removesuffix(".o.log")
        if not (source / file).exists():
            continue  # of a build before it went
        found += [(file, *row) for row in parse(path.read_text())]
    if not found:
        sys.exit(f"registers.py: no kernels in {folder}/cuda: was it built with nvcc?")
    names = demangle(sorted({row[1] for row in found}))
    for file, mangled, arch, *numbers in found:
        of_arch = kernels.setdefault((file, plain(names[mangled])), {})
        before = of_arch.get(arch, [0, 0, 0, 0])
        of_arch[arch] = [before[0] + 1] + [max(a, b) for a, b in zip(before[1:], numbers)]
    return kernels


def architectures(kernels):
    return sorted({arch for of_arch in kernels.values() for arch in of_arch}, key=lambda a: (int(re.findall(r"\d+", a)[0]), a))


def table(kernels, compiler):
    archs = architectures(kernels)
    lines = [f"nvcc {compiler}; registers and spilled bytes ({', '.join(archs)}), static shared memory in bytes ({HOT_ARCH}).", "",
             "| kernel | of | variants | registers | shared | spilled |", "|---|---|---|---|---|---|"]
    for (file, kernel), of_arch in sorted(kernels.items()):
        def row(i):
            return ", ".join(str(of_arch[a][i]) if a in of_arch else "-" for a in archs)
        hot = of_arch.get(HOT_ARCH, next(iter(of_arch.values())))
        spills = row(3) if any(numbers[3] for numbers in of_arch.values()) else "0"
        lines.append(f"| `{kernel}` | {file} | {hot[0]} | {row(1)} | {hot[2]} | {spills} |")
    return "\n".join(lines)


def cached(folder, name):
    return re.search(rf"^{name}:\w+=(.*)$", (folder / "CMakeCache.txt").read_text(), re.M)[1]


def version(folder):
    """Of the nvcc that the build used."""
    said = subprocess.run([cached(folder, "NVCC"), "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"V([\d.]+)", said)[1]


def spilling(kernels):
    return [f"{file}: {kernel} spills {of_arch[HOT_ARCH][3]} bytes on {HOT_ARCH}" for (file, kernel), of_arch in sorted(kernels.items())
            if of_arch.get(HOT_ARCH, [0] * 4)[3] and kernel not in COLD]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--doc", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    kernels, compiler = read(options.build), version(options.build)
    made = table(kernels, compiler)
    bad = spilling(kernels)
    if not options.doc:
        print(made)
    else:
        text = options.doc.read_text()
        before, rest = text.split(BEGIN + "\n")
        there, after = rest.split("\n" + END)
        if options.write:
            options.doc.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}")
        elif there.startswith(f"nvcc {compiler};") and f"({', '.join(architectures(kernels))})" in there and there != made:
            bad.append(f"{options.doc}: the table is an older one: python3 tests/gpu/registers.py {options.build} --doc {options.doc} --write")
    print("\n".join(bad), file=sys.stderr)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
