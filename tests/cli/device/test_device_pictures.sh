# Pictures on the emulated device against the same on the processor: latents decoded, pictures encoded, what was decoded evaluated.
. "$(dirname "$0")/../common.sh"
goldens=$tests/data/goldens
vae=$goldens/vae2/names
unpack "$goldens/vae2/names.npz" z z x
pictures="--vae $vae --threads 1"

# both NAME SUFFIX FILE TYPE TOLERANCE COMMAND...: the first array of the output NAME-DEVICE SUFFIX, or of FILE in it.
both() {
  name=$1 suffix=$2 file=$3 type=$4 tolerance=$5
  shift 5
  for device in cpu emulated:0; do
    check "$name on $device" "$@" --device $device --out "$scratch/$name-$device$suffix"
  done
  close "$scratch/$name-emulated:0$suffix$file" "$scratch/$name-cpu$suffix$file" "$type" "$tolerance"
}

# shellcheck disable=SC2086
{
  decode="$transit decode $pictures --data $scratch/golden-z.npy"
  encode="$transit encode $pictures --data $scratch/golden-x.npy --latents mean"
  both decoded-f64 "" /images.npz f8 1e-12 $decode --dtype f64
  both decoded-f32 "" /images.npz f4 1e-5 $decode
  both encoded-f64 .npz "" f8 1e-12 $encode --dtype f64
  both encoded-f32 .npz "" f4 1e-5 $encode
  check "one at a time" $decode --batch-size 1 --device emulated:0 --out "$scratch/one"
  same "$scratch/one/images.npz" "$scratch/decoded-f32-emulated:0/images.npz"
  check "in TF32" $decode --dtype tf32 --device emulated:0 --out "$scratch/tf32"
  close "$scratch/tf32/images.npz" "$scratch/decoded-f32-cpu/images.npz" f4 2e-2
  differ "$scratch/tf32/images.npz" "$scratch/decoded-f32-emulated:0/images.npz"

  # What is sampled, in f64, whose levels of 8 bits are the same.
  for device in cpu emulated:0; do
    check "sample on $device" $transit sample ODE --ckpt "$goldens/ema.pt" --num-heads 3 $pictures --num-samples 2 --sampling-method heun \
      --num-sampling-steps 3 --dtype f64 --device $device --out "$scratch/drawn-$device"
  done
  same "$scratch/drawn-emulated:0/samples.png" "$scratch/drawn-cpu/samples.png"

  # What was decoded, beside the statistics of another set.
  for device in cpu emulated:0; do
    check "evaluate on $device" $transit evaluate --samples "$scratch/decoded-f64-$device/images" --reference "$goldens/adm/ref.npz" \
      --inception "$goldens/inception/inception.pth" --neighbours 1 --no-cache --dtype f64 --threads 1 --device $device --out "$scratch/evaluated-$device"
  done
  equals "$(number "$scratch/evaluated-emulated:0/run.json" device)" emulated:0 "the device of an evaluation"
  for figure in fid sfid inception_score precision recall; do
    near "$scratch/evaluated-emulated:0/evaluate.json" $figure "$(number "$scratch/evaluated-cpu/evaluate.json" $figure)" 1e-9
  done
}
finish
