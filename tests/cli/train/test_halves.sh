# --dtype bf16: what commands make of a network's products in bf16 is near what they make in f32, records say so, solvers are told
# what it resolves, and a training in it goes on to the same bytes, with parameters in f32.
. "$(dirname "$0")/../common.sh"

data=$here/../../../experiments/digits/digits.npz
digits=$here/../../../experiments/digits/digits-ema.pt
ten="--ckpt $digits --class-labels 0,1,2,3,4,5,6,7,8,9 --num-samples 10 --sampling-method heun --num-sampling-steps 20"

# apart A B NAME: relative rms difference of an array of two .npz of f32; stored, not packed.
apart() {
  python3 - "$@" <<'END'
import struct, sys, zipfile

def array(path):
    raw = zipfile.ZipFile(path).read(sys.argv[3] + ".npy")
    assert b"'<f4'" in raw[:128], raw[:128]
    start = 10 + struct.unpack("<H", raw[8:10])[0]
    return struct.unpack("<%df" % ((len(raw) - start) // 4), raw[start:])

a, b = array(sys.argv[1]), array(sys.argv[2])
print("%.3g" % (sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b)) ** 0.5)
END
}

# recorded FOLDER: the --dtype of its record.
recorded() {
  sed -n 's/^ *"dtype": "\([a-z0-9]*\)",*$/\1/p' "$scratch/$1/run.json"
}

# between LOW HIGH VALUE WHAT
between() {
  checks=$((checks + 1))
  awk -v low="$1" -v high="$2" -v v="$3" 'BEGIN { exit !(v > low && v < high) }' || fail "$4: $3, expected $1 to $2"
}

# shellcheck disable=SC2086
{
  for dtype in f32 bf16; do
    check "samples in $dtype" "$transit" sample ODE $ten --dtype $dtype --out "$scratch/$dtype"
    equals "$(recorded $dtype)" $dtype "dtype of the record"
  done
  between 1e-4 2e-2 "$(apart "$scratch/bf16/samples.npz" "$scratch/f32/samples.npz" latents)" "samples in bf16 from those in f32"
  check "on one thread" "$transit" sample ODE $ten --dtype bf16 --threads 1 --batch-size 3 --out "$scratch/one"
  same "$scratch/bf16/samples.npz" "$scratch/one/samples.npz"

  # The floor of a relative tolerance is what bf16 resolves, behind guidance and along another path too.
  for more in "" "--cfg-scale 2" "--sample-path GVP"; do
    check "adaptive steps $more" "$transit" sample ODE --ckpt $digits --num-samples 2 --class-labels 1,2 --dtype bf16 --rtol 1e-3 $more \
      --out "$scratch/adaptive" --force
    warns "rtol raised from 0.001 to 0.002: the precision of the right-hand side"
    equals "$(number "$scratch/adaptive/run.json" rtol_used)" 0.002 "the tolerance used"
  done
  check "a likelihood" "$transit" likelihood --ckpt $digits --init "$scratch/f32/samples.npz" --num-samples 2 --dtype bf16 \
    --trace exact --sampling-method heun --num-sampling-steps 5 --out "$scratch/likelihood"
  check "a sweep" "$transit" sweep --ckpt $digits --class-labels 1,2 --num-samples 2 --solvers heun --steps 4 --reference-rtol 1e-3 \
    --dtype bf16 --out "$scratch/sweep"
  refuse 2 "--dtype bf16 is for networks" "$transit" sweep --target gaussian:d=2 --solvers heun --steps 4 --dtype bf16 \
    --out "$scratch/refused"

  for command in "sample ODE --ckpt $digits" "likelihood --ckpt $digits --init $scratch/f32/samples.npz" "train --data-path $data"; do
    refuse 1 "--dtype tf32: the device cpu has no TF32, use f32 or bf16" "$transit" $command --dtype tf32 --out "$scratch/refused"
  done

  small="$transit train --data-path $data --global-batch-size 32 --hidden 16 --depth 2 --num-heads 2 --lr 1e-3 --ema-decay 0.9
    --log-every 4 --threads 1 --dtype bf16"
  check "a training" $small --max-steps 12 --out "$scratch/whole"
  equals "$(recorded whole)" bf16 "dtype of the record"
  check "a part of it" $small --max-steps 5 --out "$scratch/parts"
  check "the rest" "$transit" train --resume "$scratch/parts" --max-steps 12 --accumulate 3 --threads 2
  same "$scratch/whole/checkpoints/0000012.pt" "$scratch/parts/checkpoints/0000012.pt"
  same "$scratch/whole/checkpoints/0000012.safetensors" "$scratch/parts/checkpoints/0000012.safetensors"
  check "inspect it" "$transit" inspect "$scratch/whole/checkpoints/0000012.safetensors" --json
  equals "$(grep -c BF16 "$scratch/whole/checkpoints/0000012.safetensors")" 0 "tensors in bf16"
  refuse 2 "--dtype" "$transit" train --resume "$scratch/whole" --dtype f32 --max-steps 14
}
finish
