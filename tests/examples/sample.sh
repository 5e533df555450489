#!/bin/sh
# Draws what the program draws from the same seed, in at most 15 lines; a file that is no checkpoint is one line.
# usage: sample.sh PROGRAM SCRATCH TRANSIT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$here/../../experiments/digits/digits-ema.pt
cd "$2"

"$1" "$checkpoint" sample.png
"$3" sample ODE --ckpt "$checkpoint" --num-samples 10 --seed 1 --out by-program >/dev/null
cmp sample.png by-program/samples.png

if "$1" nowhere.pt no.png 2>said; then exit 1; fi
grep -q "nowhere.pt" said && [ "$(wc -l <said)" -eq 1 ]
[ ! -e no.png ]

lines=$(sed -n '/^int main/,/^}/p' "$here/../../docs/examples/sample.c" | sed '1d;$d' | wc -l)
echo "the picture of transit sample in $lines lines"
[ "$lines" -le 15 ]
