# A batch for which the device has too little memory: one line with what was asked for, what is free, and which batch would fit,
# status 1, nothing written; that batch then does, with the samples of any other. A training
# cuts its steps by itself. And what a run took of the device.
. "$(dirname "$0")/../common.sh"
run="$transit sample ODE --ckpt $here/../../../experiments/digits/digits-ema.pt --sampling-method euler
  --num-sampling-steps 3 --cfg-scale 1 --class-labels 3 --threads 1"
train="$transit train --device emulated:0 --data-path $here/../../../experiments/digits/digits.npz --global-batch-size 1500
  --hidden 48 --depth 2 --num-heads 2 --max-steps 1 --threads 1"

exact="$transit likelihood --trace exact --device emulated:0 --ckpt $here/../../../experiments/digits/digits-ema.pt
  --data $here/../../../experiments/digits/digits.npz --batch-size 600 --sampling-method euler --num-sampling-steps 2 --threads 1"

# shellcheck disable=SC2086
{
  export SIMT_MEMORY=50000000
  refuse 1 "out of memory on emulated:0: " $run --device emulated:0 --num-samples 4000 --batch-size 4000 --out "$scratch/all"
  absent "$scratch/all"
  cp "$scratch/stderr" "$scratch/told"
  check "sizes" grep "were asked for in one piece, .* of 47.7 MiB are free; arrays hold .* here" "$scratch/told"
  fit=$(sed -n 's/.*; lower --batch-size: \([0-9]*\) would fit$/\1/p' "$scratch/told")
  less 19 "$fit" "the batch that is told"
  refuse 1 "lower --batch-size" $run --device emulated:0 --num-samples $((10 * fit)) --batch-size $((10 * fit)) --out "$scratch/all"
  check "the batch that was told" $run --device emulated:0 --num-samples "$fit" --batch-size "$fit" --out "$scratch/fits"
  says " MiB of the device, "
  less 0 "$(number "$scratch/fits/run.json" peak_device_mib)" "peak_device_mib of run.json"
  SIMT_MEMORY=30000000 refuse 1 "; lower --batch-size: " $exact --out "$scratch/exact" # its unit vectors alone do not
  export SIMT_MEMORY=13000000 # a training cuts its steps to what there is
  check "a training" $train --out "$scratch/train"
  says " MiB of the device, "
  unset SIMT_MEMORY
  check "without graphs" $run --device emulated:0 --num-samples "$fit" --batch-size 7 --no-cuda-graphs --out "$scratch/eager"
  same "$scratch/fits/samples.npz" "$scratch/eager/samples.npz"
  check "on the processor" $run --device cpu --num-samples 1 --no-cuda-graphs --out "$scratch/cpu"
  warns "--no-cuda-graphs has no effect: the device cpu has none"
}
finish
