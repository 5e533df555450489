# --guide-ckpt: a second checkpoint that guides, in sample, field, sweep and tune-grid; scales 1 and 0; another path and
# prediction; what records say; what is refused.
. "$(dirname "$0")/../common.sh"

data=$tests/../experiments/digits/digits.npz
train="$transit train --data-path $data --global-batch-size 32 --hidden 16 --num-heads 2 --lr 2e-3 --ema-decay 0.9 --max-steps 20"
linear=$scratch/linear/checkpoints/0000020.pt
noise=$scratch/noise/checkpoints/0000020.pt
model="--ckpt $digits --threads 2"
draw="$transit sample ODE $model --num-samples 6 --seed 3 --sampling-method heun2 --num-sampling-steps 6"

# shellcheck disable=SC2086
{
  check "a guide" $train --depth 2 --out "$scratch/linear"
  check "one of another path and prediction" $train --depth 1 --path-type GVP --prediction noise --out "$scratch/noise"

  # ---- one of the two alone ----
  check "the model" $draw --out "$scratch/model"
  check "scale 1" $draw --guide-ckpt "$linear" --guide-scale 1 --out "$scratch/one"
  cmp "$scratch/model/samples.png" "$scratch/one/samples.png" || fail "scale 1 is not the model"
  close "$scratch/model/samples.npz" "$scratch/one/samples.npz" f4 0
  equals "$(number "$scratch/one/run.json" nfe)" 10 "evaluations at scale 1"
  check "the guide" $transit sample ODE --ckpt "$linear" --num-samples 6 --seed 3 --sampling-method heun2 --num-sampling-steps 6 --out "$scratch/guide"
  check "scale 0" $draw --guide-ckpt "$linear" --guide-scale 0 --out "$scratch/zero"
  close "$scratch/guide/samples.npz" "$scratch/zero/samples.npz" f4 0
  equals "$(number "$scratch/zero/run.json" nfe)" 10 "evaluations at scale 0"

  # ---- which weights of its file ----
  check "the guide's other weights" $draw --guide-ckpt "$linear" --guide-weights model --guide-scale 0 --out "$scratch/other-zero"
  check "these alone" $transit sample ODE --ckpt "$linear" --weights model --num-samples 6 --seed 3 --sampling-method heun2 --num-sampling-steps 6 --out "$scratch/other"
  close "$scratch/other/samples.npz" "$scratch/other-zero/samples.npz" f4 0
  differ "$scratch/other-zero/samples.npz" "$scratch/zero/samples.npz"
  refuse 2 "--guide-weights needs a guide" $draw --guide-weights model --out "$scratch/no"

  # ---- both ----
  check "scale 2" $draw --guide-ckpt "$linear" --guide-scale 2 --out "$scratch/two"
  says "(in all batches 10 of the model, 10 of the guide)"
  differ "$scratch/two/samples.npz" "$scratch/model/samples.npz"
  record=$scratch/two/run.json
  equals "$(number "$record" nfe)" 20 "evaluations of both"
  grep -q "\"sha256\": \"$(sha256sum "$linear" | cut -d' ' -f1)\"" "$record" || fail "no hash of the guide"
  grep -q '"guide-scale": 2.0' "$record" || fail "no scale of the guide"
  grep -q '"nfe_all_batches": 10$' "$record" || fail "no evaluations of the guide"
  check "at most 15" $draw --guide-ckpt "$linear" --guide-scale 2 --max-nfe 15 --out "$scratch/limited"
  equals "$(number "$scratch/limited/run.json" stop_reason)" max-nfe "a limit"
  equals "$(number "$scratch/limited/run.json" nfe)" 12 "evaluations within the limit"
  check "within an interval" $draw --guide-ckpt "$linear" --guide-scale 2 --cfg-interval 0.4,0.7 --out "$scratch/interval"
  less "$(number "$scratch/interval/run.json" nfe)" 20 "evaluations with an interval"
  check "the SDE, in batches" $transit sample SDE $model --num-samples 6 --batch-size 4 --num-sampling-steps 4 \
    --guide-ckpt "$linear" --guide-scale 2 --out "$scratch/sde"
  equals "$(number "$scratch/sde/run.json" nfe)" 8 "evaluations of the SDE"
  check "as drawn" $draw --init "$scratch/two/samples.npz" --out "$scratch/again"
  warns "was drawn with --guide-scale 2.0, this run has none"
  again="$draw --init $scratch/two/samples.npz --guide-ckpt $linear --guide-scale 2 --out $scratch/again --force"
  check "as drawn, with words for what its file tells" $again --guide-path-type Linear --guide-prediction velocity
  grep -q "was drawn with" "$scratch/stderr" && fail "what is the same is warned of: $(cat "$scratch/stderr")"
  check "as drawn, with another path" $again --guide-path-type GVP
  warns 'was drawn with --guide-path-type "Linear", this run has "GVP"'
  check "with its density" $transit sample ODE $model --num-samples 2 --sampling-method heun2 --num-sampling-steps 3 --with-logp \
    --guide-ckpt "$noise" --guide-scale 1.5 --recompute --out "$scratch/density"
  says "backwards a sample"

  # ---- another path and prediction: scale 0 is that model along this one's path ----
  tight="--num-samples 4 --seed 3 --dtype f64 --sampling-method dopri5 --rtol 1e-7"
  check "another kind" $transit sample ODE $model $tight --guide-ckpt "$noise" --guide-scale 0 --out "$scratch/moved"
  check "that alone" $transit sample ODE --ckpt "$noise" --sample-path Linear $tight --out "$scratch/own"
  close "$scratch/moved/samples.npz" "$scratch/own/samples.npz" f8 1e-9

  check "a guide along another path" $draw --guide-ckpt "$linear" --guide-scale 2 --sample-path GVP --out "$scratch/along"
  says "(in all batches 10 of the model, 10 of the guide)"
  equals "$(number "$scratch/along/run.json" nfe)" 20 "evaluations of both along another path"

  # ---- the field: affine in the scale, the one path and prediction or another ----
  python3 - "$scratch" <<'END'
import struct, sys
def npy(path, shape, values):
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }" % (shape,)
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode() + b"\n" + struct.pack("<%dd" % len(values), *values))
npy(sys.argv[1] + "/x.npy", (3, 1, 8, 8), [((i * 37) % 101 - 50) / 40 for i in range(192)])
npy(sys.argv[1] + "/t.npy", (3,), [0.25, 0.5, 0.8])
END
  field="$transit field $model --dtype f64 --init $scratch/x.npy --times $scratch/t.npy --class-labels 1,2,3 --quantities denoiser"
  for guide in linear noise; do
    for scale in 0 1 2; do
      check "field $guide $scale" $field --guide-ckpt "$scratch/$guide/checkpoints/0000020.pt" --guide-scale $scale --out "$scratch/field-$guide-$scale"
      values "$scratch/field-$guide-$scale/field.npz" f8 >"$scratch/values-$scale"
    done
    checks=$((checks + 1))
    paste "$scratch/values-0" "$scratch/values-1" "$scratch/values-2" | head -n 192 | awk '
      { d = $3 - (2 * $2 - $1); if (d < 0) d = -d; if (d > worst) worst = d; if ($3 != $2) n++ }
      END { exit !(NR == 192 && n > 150 && worst < 1e-11) }' || fail "the field of $guide is not affine in the scale"
  done
  equals "$(number "$scratch/field-noise-2/run.json" nfe)" 2 "evaluations of a field"

  # ---- a sweep and a grid ----
  swept="--ckpt $digits --guide-ckpt $linear --guide-scale 2 --num-samples 2 --threads 2 --tight-rtol 1e-4"
  check "a sweep" $transit sweep $swept --solvers euler --steps 2 --seeds 0 --out "$scratch/sweep"
  grep -q '"guide": {' "$scratch/sweep/manifest.json" || fail "the sweep does not tell its guide"
  grep -qE ',ok,4,' "$scratch/sweep/results.csv" || fail "evaluations of a sweep: $(cat "$scratch/sweep/results.csv")"
  refuse 2 "--nfe 3 is too small: a step of euler takes 2" $transit tune-grid $swept --sampling-method euler --nfe 3 --out "$scratch/grid"

  # ---- what the guide's file does not tell ----
  cp "$digits" "$scratch/bare.pt"
  bare="--guide-ckpt $scratch/bare.pt --guide-scale 2"
  refuse 2 "give --guide-net-param NAME=VALUE, or num_heads in FILE.json beside it" $draw $bare --out "$scratch/no"
  check "told by options" $draw $bare --guide-net-param num_heads=4 --guide-path-type Linear --guide-prediction velocity --out "$scratch/told"
  grep -q "does not say" "$scratch/stderr" && fail "what was told is assumed: $(cat "$scratch/stderr")"
  close "$scratch/told/samples.npz" "$scratch/model/samples.npz" f4 1e-5 # as its own guide
  tr -d ' \n' <"$scratch/told/run.json" | grep -qF '"guide-net-param":{"num_heads":4' || fail "the record lacks what was told"
  check "told otherwise" $draw --guide-ckpt "$linear" --guide-scale 2 --guide-path-type VP --guide-path-param sigma_max=15 --guide-prediction score --out "$scratch/otherwise"
  warns "--guide-path-type VP overrides the checkpoint's Linear"
  warns "--guide-prediction score overrides the checkpoint's velocity"
  grep -q '"path_type": "VP"' "$scratch/otherwise/run.json" || fail "the record lacks the guide's path"
  tr -d ' \n' <"$scratch/otherwise/run.json" | grep -qF '"guide-path-param":{"sigma_min":0.1,"sigma_max":15.0}' || fail "the record lacks its parameters"
  check "along that as it is" $draw --guide-ckpt "$linear" --guide-scale 2 --guide-path-type VP --guide-prediction score --out "$scratch/as-it-is"
  differ "$scratch/otherwise/samples.npz" "$scratch/as-it-is/samples.npz"
  refuse 2 "--guide-net-param: none of sit, mlp, inception, vae has a parameter 'num_hats'" $draw $bare --guide-net-param num_hats=4 --out "$scratch/no"
  refuse 2 "--guide-ckpt: 7 heads do not divide the width 64" $draw $bare --guide-net-param num_heads=7 --out "$scratch/no"
  refuse 2 "--guide-net-param: num_heads is 1.5: use a whole number" $draw $bare --guide-net-param num_heads=1.5 --out "$scratch/no"
  refuse 2 "--guide-path-param" $draw --guide-ckpt "$linear" --guide-scale 2 --guide-path-param sigma_max=15 --out "$scratch/no"
  for option in "net-param num_heads=4" "path-type VP" "path-param sigma_max=15" "prediction score" "model-family sit" "time-direction noise-at-1"; do
    refuse 2 "--guide-${option%% *} needs a guide" $draw --guide-${option} --out "$scratch/no"
  done

  # ---- what is refused ----
  refuse 2 "--guide-scale needs a guide" $draw --guide-scale 2 --out "$scratch/no"
  refuse 2 "--guide-ckpt needs --guide-scale" $draw --guide-ckpt "$linear" --out "$scratch/no"
  refuse 2 "--cfg-scale 2 and --guide-ckpt are two guidances" $draw --guide-ckpt "$linear" --guide-scale 2 --cfg-scale 2 --out "$scratch/no"
  refuse 2 "at most 1 network evaluation" $draw --guide-ckpt "$linear" --guide-scale 2 --max-nfe 1 --out "$scratch/no"
  cp "$tests/data/goldens/ema.pt" "$scratch/latents.pt"
  refuse 2 "give --guide-net-param NAME=VALUE, or num_heads in FILE.json beside it" $draw --guide-ckpt "$scratch/latents.pt" --guide-scale 2 --out "$scratch/no"
  echo '{"num_heads": 3}' >"$scratch/latents.pt.json"
  refuse 2 "latents.pt' has states of 4, 8, 8 with 10 classes" $draw --guide-ckpt "$scratch/latents.pt" --guide-scale 2 --out "$scratch/no"
  grep -q "digits-ema.pt' those of 1, 8, 8 with 10 classes" "$scratch/stderr" || fail "both are not named: $(cat "$scratch/stderr")"
  cp "$scratch/linear/checkpoints/0000020.safetensors" "$scratch/damaged.safetensors"
  size=$(wc -c <"$scratch/damaged.safetensors")
  printf '\377\177\377\177' | dd of="$scratch/damaged.safetensors" bs=1 seek=$((size - 4)) conv=notrunc 2>/dev/null
  refuse 1 "--guide-ckpt: tensor '" $draw --guide-ckpt "$scratch/damaged.safetensors" --guide-scale 2 --out "$scratch/no"
  refuse 1 "no-such-file" $draw --guide-ckpt "$scratch/no-such-file" --guide-scale 2 --out "$scratch/no"
  refuse 2 "--guide-... are for --ckpt" $transit sweep --target gaussian:d=2 --guide-scale 2 --solvers euler --steps 2 --seeds 0 --out "$scratch/no"
  absent "$scratch/no"
  check "no guidance" $draw --guide-ckpt "$linear" --guide-scale 1 --cfg-interval 0.2,0.5 --out "$scratch/idle"
  warns "--cfg-interval has no effect: --guide-scale 1 is no guidance"
}

finish
