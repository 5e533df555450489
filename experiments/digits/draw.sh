#!/bin/sh
# Draws digits of a checkpoint in turn (sample i is digit i mod 10, so every column of a picture is one digit), once through
# the ODE and once through the SDE: OUT/ode, OUT/sde.
# usage: sh experiments/digits/draw.sh CHECKPOINT NUMBER GUIDANCE OUT   (TRANSIT: the program, else build/transit)
set -eu

[ $# -eq 4 ] || { sed -n 's/^# //p' "$0" >&2; exit 2; }
checkpoint=$1 number=$2 guidance=$3 out=$4

draw() { # draw NAME MODE OPTION...
  into=$out/$1
  shift
  echo "== $1, guidance $guidance"
  "${TRANSIT-build/transit}" sample "$@" --ckpt "$checkpoint" --num-samples "$number" --seed 1 --cfg-scale "$guidance" --out "$into"
}

draw ode ODE --sampling-method cvode-adams
draw sde SDE --sampling-method euler-maruyama --diffusion-form sigma --last-step Mean
