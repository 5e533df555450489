# transit inspect and transit field on the digits.
. "$(dirname "$0")/common.sh"

check "inspect" "$transit" inspect "$digits"
says "format: pt-zip"
says "patch 2"
says "hidden 64, depth 6"
says "heads: 4"
says "classes: 10 and the null class 10"
if command -v python3 >/dev/null 2>&1; then
  check "inspect as JSON" sh -c "'$transit' inspect '$digits' --json | python3 -m json.tool"
  says '"hidden": 64'
fi
refuse 1 "none.pt" "$transit" inspect "$scratch/none.pt"
refuse 2 "FILE is missing" "$transit" inspect

# What is assumed of a checkpoint is said in the words of the command.
cases=$here/../data/cases
check "field of a bare checkpoint" "$transit" field --ckpt "$cases/dit_bare.pt" --init "$cases/x.npy" --times "$cases/times.npy" \
  --out "$scratch/bare"
warns "Linear and velocity assumed, with the noise at t = 0 (a DiT looks the same: --model-family dit opens it as one)"

out=$scratch/out
field="$transit field --force --ckpt $digits --out $out"
npy "$scratch/x.npy" '<f8' '(3, 1, 8, 8)' 1536
npy "$scratch/t.npy" '<f8' '(3,)' 24
npy "$scratch/t2.npy" '<f8' '(2,)' 16
# shellcheck disable=SC2086
{
  check "field" $field --init "$scratch/x.npy" --times "$scratch/t.npy"
  says "wrote velocity,score,noise,denoiser"
  present "$out/field.npz" "$out/run.json"
  for name in velocity score noise denoiser times labels; do
    grep -q "$name.npy" "$out/field.npz" || fail "no $name in field.npz"
  done
  equals "$(number "$out/run.json" nfe)" 1 "one evaluation for four quantities"
  rm -r "$out"
  refuse 1 "the shape must be (3)" $field --init "$scratch/x.npy" --times "$scratch/t2.npy"
  refuse 1 "--times '0.1,0.5': No such file or directory: a .npy file of 3 times from 0 to 1 is needed" \
    $field --init "$scratch/x.npy" --times 0.1,0.5
  refuse 1 "the shape must be (any, 1, 8, 8)" $field --init "$scratch/t.npy" --times "$scratch/t.npy"
  refuse 2 "did you mean 'velocity'" $field --init "$scratch/x.npy" --times "$scratch/t.npy" --quantities velocty
  refuse 2 "empty entry" $field --init "$scratch/x.npy" --times "$scratch/t.npy" --quantities velocity,
  refuse 2 "twice" $field --init "$scratch/x.npy" --times "$scratch/t.npy" --quantities score,score
  refuse 2 "out of range" $field --init "$scratch/x.npy" --times "$scratch/t.npy" --class-labels 12
  # For the Linear path m = x + (1 - t) v, so that at x = 0, t = 0 denoiser and velocity agree.
  for quantity in velocity denoiser; do
    check "$quantity alone" "$transit" field --ckpt "$digits" --init "$scratch/x.npy" \
      --times "$scratch/t.npy" --quantities $quantity --dtype f64 --out "$scratch/$quantity"
  done
  close "$scratch/velocity/field.npz" "$scratch/denoiser/field.npz" f8 1e-14
  # t = 1: the bytes of 1.0 three times; the score does not exist there, the velocity does.
  {
    head -c 128 "$scratch/t.npy"
    for i in 1 2 3; do printf '\000\000\000\000\000\000\360\077'; done
  } >"$scratch/one.npy"
  refuse 2 "score" $field --init "$scratch/x.npy" --times "$scratch/one.npy"
  absent "$out"
  check "velocity at t = 1" $field --init "$scratch/x.npy" --times "$scratch/one.npy" --quantities velocity,denoiser
  present "$out/field.npz"
}

# The reference's forward: its points, times and labels, and what it found there.
goldens=$here/../data/goldens
if command -v python3 >/dev/null 2>&1; then
  unpack "$goldens/forward.npz" out x t
  labels=$(cat "$scratch/stdout")
  for dtype in f64 f32; do
    check "field at the reference's points in $dtype" "$transit" field --ckpt "$goldens/ema.pt" --num-heads 3 \
      --init "$scratch/golden-x.npy" --times "$scratch/golden-t.npy" --class-labels "$labels" --batch-size 3 \
      --quantities velocity --dtype $dtype --out "$scratch/golden-$dtype"
  done
  close "$scratch/golden-f64/field.npz" "$scratch/golden-out.npz" f8 1e-10
  equals "$(values "$scratch/golden-f32/field.npz" f4 | wc -l)" "$(values "$scratch/golden-out.npz" f8 | wc -l)" "numbers in f32"
fi
finish
