#!/bin/sh
# From a bare Debian 12 to pictures: installs what is missing, builds, and draws 100 digits (ten per class) from the
# bundled checkpoint, once through the ODE and once through the SDE. Everything lands in out/demo/.
# usage: sh experiments/demo.sh
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

checkpoint=experiments/digits/digits-ema.pt
out=out/demo

sh experiments/setup.sh run
echo "== build"
[ -f build/CMakeCache.txt ] || cmake -S . -B build -G Ninja
cmake --build build --target transit

sh experiments/digits/draw.sh "$checkpoint" 100 2 "$out"
for name in ode sde; do
  cp "$out/$name/samples.png" "$out/digits-$name.png"
  cp "$out/$name/samples.npz" "$out/digits-$name.npz"
done

# A number at the top level of a run.json.
number() {
  sed -n "s/^  \"$2\": \([^,]*\),\{0,1\}\$/\1/p" "$1"
}

cat <<END

Made in $out/:
  digits-ode.png  digits-ode.npz  ode/run.json   $(number $out/ode/run.json nfe) network evaluations (CVODE Adams)
  digits-sde.png  digits-sde.npz  sde/run.json   $(number $out/sde/run.json nfe) network evaluations (Euler-Maruyama, 250 points)
Each column is one digit, 0 to 9.

To try next:
  build/transit inspect $checkpoint
  build/transit sample ODE --ckpt $checkpoint --class-labels 3 --num-samples 16 --rtol 0.05 --out out/loose
  build/transit sample SDE --ckpt $checkpoint --diffusion-form SBDM --num-sampling-steps 50 --out out/sbdm
  build/transit sample --help
  build/transit list
END
