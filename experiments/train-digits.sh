#!/bin/sh
# Trains the bundled checkpoint from nothing: a SiT on the 1797 bundled digits, at most ten minutes on 2 CPU cores. Then draws 200
# digits through the ODE and 200 through the SDE, with guidance and without, and prints how many of them are classed right by
# their 3 nearest neighbours among the real ones. Everything lands in out/train-digits/; digits-ema.pt and digits-ema.pt.json
# there are what experiments/digits/ has, to the byte on the same kind of processor.
# usage: sh experiments/train-digits.sh
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

data=experiments/digits/digits.npz
bundle=experiments/digits/digits-ema.pt
out=out/train-digits
made=$out/digits-ema.pt
steps=8000
seed=0
training="--global-batch-size 64 --max-steps $steps --lr 2e-3 --warmup 200 --lr-schedule cosine --ema-decay 0.999 --global-seed $seed"

sh experiments/setup.sh train
echo "== build"
[ -f build/CMakeCache.txt ] || cmake -S . -B build -G Ninja
cmake --build build --target transit

echo "== training"
rm -rf "$out"
begun=$(date +%s)
# shellcheck disable=SC2086
build/transit train --data-path "$data" $training --log-every 200 --ckpt-every $steps --out "$out/training"
seconds=$(($(date +%s) - begun))
build/transit convert --bare "$out/training/checkpoints/$(printf %07d $steps).pt" "$made"

# What the weights do not tell, and how they were made.
sha() { sha256sum "$1" | cut -d ' ' -f 1; }
cat >"$made.json" <<END
{
  "model": "SiT-digits",
  "image_size": 8,
  "num_classes": 10,
  "path_type": "Linear",
  "prediction": "velocity",
  "loss_weight": null,
  "train_eps": null,
  "sample_eps": null,
  "global_batch_size": 64,
  "cfg_scale": 1.0,
  "input_size": 8,
  "patch_size": 2,
  "in_channels": 1,
  "hidden_size": 64,
  "depth": 6,
  "num_heads": 4,
  "learn_sigma": true,
  "class_dropout_prob": 0.1,
  "made_by": "sh experiments/train-digits.sh",
  "training": "transit train --data-path $data $training",
  "steps": $steps,
  "global_seed": $seed,
  "sha256": "$(sha "$made")",
  "data_sha256": "$(sha "$data")"
}
END

for guidance in 2 1; do sh experiments/digits/draw.sh "$made" 200 $guidance "$out/guidance-$guidance"; done

echo
echo "Made in $out/: training/, digits-ema.pt ($(wc -c <"$made") bytes, $seconds s of training), digits-ema.pt.json, and"
python3 experiments/digits/classify.py --least 96 "$data" "$out"/guidance-*/*/samples.npz
if cmp -s "$made" "$bundle"; then
  echo "$made has the bytes of $bundle."
else
  echo "$made is not $bundle to the byte: another processor, compiler or C library rounds otherwise."
  echo "To bundle it: cp $made $made.json experiments/digits/"
fi
