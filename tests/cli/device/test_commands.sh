# Each command on the emulated device against the same on the processor, to the rounding of each type: the digits, as a user
# types it.
. "$(dirname "$0")/../common.sh"
folder=${digits%/*}
ten="--ckpt $digits --class-labels 0,1,2,3,4,5,6,7,8,9 --num-samples 10"
ode="$transit sample ODE $ten --sampling-method heun --num-sampling-steps 6"
sde="$transit sample SDE $ten --sampling-method euler-maruyama --num-sampling-steps 6"
two="--ckpt $digits --num-samples 2 --class-labels 3,5"

# compared NAME TYPE TOLERANCE FILE COMMAND...: the first array of FILE, on both.
compared() {
  name=$1
  type=$2
  tolerance=$3
  file=$4
  shift 4
  for device in cpu emulated:0; do
    check "$name on $device" "$@" --device $device --out "$scratch/$name-$device"
  done
  equals "$(number "$scratch/$name-emulated:0/run.json" device)" emulated:0 "the device of $name"
  close "$scratch/$name-emulated:0/$file" "$scratch/$name-cpu/$file" "$type" "$tolerance"
}

# shellcheck disable=SC2086
{
  compared ode-f64 f8 1e-12 samples.npz $ode --dtype f64
  compared ode-f32 f4 1e-5 samples.npz $ode
  # Heun's large steps make much of what bf16 rounds: on the processor it is 0.09 from f32, and TF32 0.01.
  compared ode-bf16 f4 0.15 samples.npz $ode --dtype bf16
  compared sde-f64 f8 1e-12 samples.npz $sde --dtype f64
  compared guided-f64 f8 1e-12 samples.npz $ode --dtype f64 --cfg-scale 2
  compared adaptive-f64 f8 1e-5 samples.npz $transit sample ODE $ten --dtype f64 --rtol 1e-6 --atol 1e-6
  compared guided-adaptive f8 1e-6 samples.npz $transit sample ODE $two --cfg-scale 2 --dtype f64 --rtol 1e-8 --atol 1e-8
  compared dopri5 f8 1e-6 samples.npz $transit sample ODE $two --sampling-method dopri5 --dtype f64 --rtol 1e-6 --atol 1e-6
  compared heun2 f4 1e-5 samples.npz $transit sample ODE $two --sampling-method heun2 --num-sampling-steps 4
  compared default-sde f8 1e-9 samples.npz $transit sample SDE $two --num-sampling-steps 8 --dtype f64

  # TF32 is the device's alone.
  refuse 1 "tf32" $ode --dtype tf32 --device cpu --out "$scratch/none"
  absent "$scratch/none"
  check "in TF32" $ode --dtype tf32 --device emulated:0 --out "$scratch/tf32"
  equals "$(sed -n 's/^ *"dtype": "\([a-z0-9]*\)",*$/\1/p' "$scratch/tf32/run.json")" tf32 "dtype of the record"
  close "$scratch/tf32/samples.npz" "$scratch/ode-f32-cpu/samples.npz" f4 2e-2
  differ "$scratch/tf32/samples.npz" "$scratch/ode-f32-emulated:0/samples.npz"
  check "adaptive steps in TF32" $transit sample ODE --ckpt $digits --num-samples 1 --class-labels 1 --dtype tf32 --rtol 1e-5 \
    --device emulated:0 --out "$scratch/tf32-adaptive"
  warns "rtol raised from 1e-05 to 0.0005: the precision of the right-hand side"

  # Settings for measurements: all rows of a product in one matrix. What a setting does not know is refused.
  check "as one matrix" env TRANSIT_CUDA_TILES=0 $ode --device emulated:0 --out "$scratch/joined"
  close "$scratch/joined/samples.npz" "$scratch/ode-f32-emulated:0/samples.npz" f4 1e-5
  for variable in SYNC ARENA TILES BGRAD; do
    refuse 2 "TRANSIT_CUDA_$variable is 'yes': use 0 or 1, or unset it" env TRANSIT_CUDA_$variable=yes $ode --device emulated:0 --out "$scratch/none"
  done
  absent "$scratch/none"

  # On a fixed grid samples do not depend on the batch.
  for dtype in f32 bf16; do
    check "in threes, $dtype" $ode --dtype $dtype --batch-size 3 --device emulated:0 --out "$scratch/threes-$dtype"
    same "$scratch/threes-$dtype/samples.npz" "$scratch/ode-$dtype-emulated:0/samples.npz"
  done

  drawn="--init $scratch/ode-f64-cpu/samples.npz --num-samples 3"
  compared exact f8 1e-9 likelihood.npz $transit likelihood --ckpt $digits $drawn --trace exact --sampling-method heun --num-sampling-steps 3
  compared probes f8 1e-9 likelihood.npz $transit likelihood --ckpt $digits $drawn --sampling-method heun --num-sampling-steps 5
  compared of-data f8 1e-9 likelihood.npz $transit likelihood --ckpt $digits --data $folder/digits.npz --num-samples 1 --dtype f64 \
    --sampling-method heun2 --num-sampling-steps 3
  compared loss f8 1e-9 loss.npz $transit loss --ckpt $digits --data $folder/digits.npz --num-samples 8 --points 2 --dtype f64

  goldens=$here/../../data/goldens
  unpack "$goldens/forward.npz" out x t
  field="$transit field --ckpt $goldens/ema.pt --num-heads 3 --init $scratch/golden-x.npy --times $scratch/golden-t.npy --quantities velocity
    --class-labels $(cat "$scratch/stdout")"
  compared field-f32 f4 1e-5 field.npz $field
  compared field-bf16 f4 2e-2 field.npz $field --dtype bf16
  compared field-f64 f8 1e-10 field.npz $field --dtype f64
  close "$scratch/field-f64-emulated:0/field.npz" "$scratch/golden-out.npz" f8 1e-10
  check "a field in TF32" $field --dtype tf32 --device emulated:0 --out "$scratch/field-tf32"
  close "$scratch/field-tf32/field.npz" "$scratch/field-f32-cpu/field.npz" f4 1e-3
  differ "$scratch/field-tf32/field.npz" "$scratch/field-f32-emulated:0/field.npz"
  differ "$scratch/field-tf32/field.npz" "$scratch/field-bf16-emulated:0/field.npz"

  for device in cpu emulated:0; do
    check "a sweep on $device" "$transit" sweep --ckpt $digits --class-labels 1,2 --num-samples 2 --solvers heun,euler-maruyama --steps 4 \
      --reference-rtol 1e-6 --device $device --out "$scratch/sweep-$device"
    check "a sweep of a target on $device" "$transit" sweep --target gmm:d=2,modes=8,std=0.05 --solvers euler,dopri5 --rtol 1e-2 --steps 3 \
      --num-samples 20 --dtype f64 --device $device --out "$scratch/target-$device"
  done
  for of in sweep target; do
    present "$scratch/$of-cpu/results.csv"
    equals "$(cut -d, -f1-4 "$scratch/$of-emulated:0/results.csv")" "$(cut -d, -f1-4 "$scratch/$of-cpu/results.csv")" "rows of the $of"
  done

  # A training is that of the processor to rounding, and goes on to the same bytes where it stopped.
  small="$transit train --data-path $folder/digits.npz --global-batch-size 8 --hidden 16 --depth 2 --num-heads 2 --lr 1e-3 --ema-decay 0.9
    --log-every 1 --threads 1"
  for device in cpu emulated:0; do
    check "a training on $device" $small --dtype f64 --max-steps 4 --device $device --out "$scratch/train-$device"
    says "finished at step 4"
    present "$scratch/train-$device/checkpoints/0000004.pt"
  done
  equals "$(grep -c . "$scratch/train-emulated:0/metrics.jsonl")" 4 "losses"
  close_losses "$scratch/train-cpu" "$scratch/train-emulated:0" 1e-9
  for dtype in f64 bf16; do
    check "a part in $dtype" $small --dtype $dtype --max-steps 2 --device emulated:0 --out "$scratch/parts-$dtype"
    check "the rest in $dtype" "$transit" train --resume "$scratch/parts-$dtype" --max-steps 4
    check "the whole in $dtype" $small --dtype $dtype --max-steps 4 --device emulated:0 --out "$scratch/whole-$dtype"
    same "$scratch/parts-$dtype/checkpoints/0000004.safetensors" "$scratch/whole-$dtype/checkpoints/0000004.safetensors"
  done
  check "without graphs" $small --dtype bf16 --max-steps 4 --device emulated:0 --no-cuda-graphs --out "$scratch/no-graphs"
  same "$scratch/no-graphs/checkpoints/0000004.safetensors" "$scratch/whole-bf16/checkpoints/0000004.safetensors"
}

finish
