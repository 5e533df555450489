#!/bin/sh
# Makes again every table of errors and every plot that the README and the docs show, in out/figures/: sweeps over the four mixtures of the
# comparison of solvers (2 and 64 dimensions, smooth and sharp), of SDE solvers, and the evaluations that solvers need on
# the bundled digits; the ablation; the picture of the demo. Not the timings, which need a quiet machine: build/bench_forward,
# build/bench_overhead and tests/compare_torch.py print those. Goes on where an interruption stopped it. Minutes on one core.
# usage: sh experiments/figures.sh
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

out=out/figures
sh experiments/setup.sh figures
echo "== build"
[ -f build/CMakeCache.txt ] || cmake -S . -B build -G Ninja
cmake --build build --target transit bench_ode bench_orders bench_weak bench_budgets bench_mixtures
mkdir -p "$out"

# Four tolerances a decade from 1e-1 to 1e-8.
ladder=$(awk 'BEGIN { for (i = 0; i <= 28; i++) printf "%s%.3g", i ? "," : "", 10 ^ (-1 - i / 4) }')

# compare NAME TARGET SAMPLES: ODE solvers on uniform grids and with adaptive steps; then few steps on several grids.
compare() {
  echo "== $1"
  build/transit sweep --target "$2" --num-samples "$3" --seeds 0:4 --rtol "$ladder" --steps 4,5,7,10,15,20,30,50,100,200,500 \
    --solvers cvode-adams,dopri5,bosh3,euler,heun2,ab2,ab3,dpmpp-2m --out "$out/$1"
  build/transit sweep --target "$2" --num-samples "$3" --seeds 0:4 --steps 5,7,10,15,20,30,50 \
    --time-grids uniform,cosine,logSNR --solvers heun2,ab2,dpmpp-2m,unipc --out "$out/$1-grids"
}

compare d2-smooth gmm:d=2,modes=8,std=0.5 256
compare d2-sharp gmm:d=2,modes=8,std=0.05 256
compare d64-smooth gmm:d=64,modes=10,std=0.5,radius=4 64
compare d64-sharp gmm:d=64,modes=10,std=0.05,radius=4 64

# SDE solvers against Euler-Maruyama, on a Gaussian, where covariances tell them apart.
echo "== sde"
build/transit sweep --target gaussian:d=2,mean=1,std=0.25 --num-samples 20000 --seeds 0:8 --steps 10,20,50,100 \
  --solvers euler-maruyama,heun-sit,heun-additive,sra1,shark --diffusion-forms sigma,SBDM --last-steps None --out "$out/sde"

# The bundled digits, ten as one system: adaptive solvers beside dopri5, and few steps on several grids.
echo "== digits"
digits="--ckpt experiments/digits/digits-ema.pt --tight-rtol 1e-9"
# shellcheck disable=SC2086
build/transit sweep $digits --rtol 1e-1,3e-2,1e-2,3e-3,1e-3,3e-4,1e-4,1e-5 --steps 4,5,7,10,15,20,30,50,100 \
  --solvers cvode-adams,dopri5,bosh3,euler,heun2,ab2,ab3,dpmpp-2m --out "$out/digits"
# shellcheck disable=SC2086
build/transit sweep $digits --steps 5,7,10,15,20,30,50 --time-grids uniform,cosine,logSNR --solvers heun2,ab2,dpmpp-2m,unipc \
  --out "$out/digits-grids"
build/bench_ode --methods cvode-adams >"$out/digits.tsv.part"
mv "$out/digits.tsv.part" "$out/digits.tsv"

# What 5 to 50 evaluations buy, and CVODE over dopri5 on the mixtures: docs/budgets.md.
build/bench_budgets >"$out/budgets.md.part"
mv "$out/budgets.md.part" "$out/budgets.md"
build/bench_mixtures >"$out/mixtures.md.part"
mv "$out/mixtures.md.part" "$out/mixtures.md"

# The picture of the README, as the demo draws it: docs/digits.png.
build/transit sample ODE --ckpt experiments/digits/digits-ema.pt --num-samples 100 --seed 1 --cfg-scale 2 \
  --sampling-method cvode-adams --out "$out/demo"
cp "$out/demo/samples.png" "$out/digits.png"

# Paths, predictions and loss weights, trained on eight modes: docs/ablation.md with docs/ablation.png, and rows of the README.
echo "== ablation"
build/transit ablate --out "$out/ablation"
cp "$out/ablation/errors.png" "$out/ablation.png"

# Claimed and measured orders: docs/orders.md.
build/bench_orders >"$out/orders.md.part"
mv "$out/orders.md.part" "$out/orders.md"

# Weak errors of SDE methods: docs/decisions.md.
build/bench_weak >"$out/weak.md.part"
mv "$out/weak.md.part" "$out/weak.md"

echo
echo "Made in $out/: NAME/table.md and NAME/*.png of each sweep and of the ablation, digits.png, ablation.png, digits.tsv, budgets.md, mixtures.md, orders.md, weak.md"
