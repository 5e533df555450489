# Networks of another kind through the same door: an MLP, of two dimensions, with a field that is known.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null 2>&1 || { echo "python3 is needed for checkpoints of an MLP" >&2; exit 1; }

mlp() { # mlp WHAT ...: of mlp.py
  check "mlp.py $1" python3 "$here/checks/mlp.py" "$@"
}
plain=$scratch/plain.safetensors
classes=$scratch/classes.safetensors
x=$scratch/x.npy
mlp make "$plain" plain
mlp make "$classes" classes
mlp points "$x"
sharp="--dtype f64 --rtol 1e-10 --atol 1e-12"

check "inspect" "$transit" inspect "$plain"
says "network: MLP, states (2), hidden 4, depth 0, 2 time frequencies"
says "classes: none"
check "inspect as JSON" "$transit" inspect "$classes" --json
says '"kind": "mlp"'
says '"dim": 2'
says '"null_class": 3'
check "inspect one with classes" "$transit" inspect "$classes"
says "classes: 3 and the null class 3"

# shellcheck disable=SC2086
{
  check "sample" "$transit" sample ODE --ckpt "$plain" --init "$x" $sharp --out "$scratch/a"
  says "6 samples (2) of $plain: Linear velocity"
  says "wrote $scratch/a/samples.npz and run.json (no picture: states of numbers are no images)"
  mlp flow "$scratch/a/samples.npz" "$x" 1
  equals "$(number "$scratch/a/run.json" labels)" "none: an unconditional model" "labels of run.json"
  checks=$((checks + 1))
  if unzip -l "$scratch/a/samples.npz" 2>/dev/null | grep -q labels; then fail "labels of an unconditional model"; fi
  absent "$scratch/a/samples.png"
  check "sample in batches" "$transit" sample ODE --ckpt "$plain" --init "$x" $sharp --batch-size 4 --sampling-method rk4 \
    --save-times 0.5,1 --out "$scratch/b"
  mlp flow "$scratch/b/samples.npz" "$x" 1
  check "sample with densities" "$transit" sample ODE --ckpt "$plain" --num-samples 6 $sharp --with-logp --trace exact \
    --out "$scratch/c"
  mlp sampled "$scratch/c/samples.npz"
  check "sample one with classes" "$transit" sample ODE --ckpt "$classes" --init "$x" --class-labels 0,1,2,3,2,1 $sharp \
    --out "$scratch/d"
  mlp flow "$scratch/d/samples.npz" "$x" 1 0,1,2,3,2,1
  check "guided" "$transit" sample ODE --ckpt "$classes" --init "$x" --class-labels 2,1,2,0,2,1 --cfg-scale 3 $sharp \
    --out "$scratch/e"
  mlp flow "$scratch/e/samples.npz" "$x" 3 2,1,2,0,2,1
  check "every class in turn" "$transit" sample ODE --ckpt "$classes" --init "$x" $sharp --out "$scratch/f"
  mlp flow "$scratch/f/samples.npz" "$x" 1 0,1,2,0,1,2
  check "along another path" "$transit" sample ODE --ckpt "$plain" --init "$x" $sharp --sample-path GVP --out "$scratch/g"
  mlp flow "$scratch/g/samples.npz" "$x" 1

  npy "$scratch/noise.npy" '<f8' '(9, 6, 2)' 864
  check "sample SDE" "$transit" sample SDE --ckpt "$plain" --init "$x" --noise "$scratch/noise.npy" --num-sampling-steps 10 \
    --dtype f64 --diffusion-norm 0 --last-step Euler --out "$scratch/h"
  check "sample SDE with churn" "$transit" sample SDE --ckpt "$classes" --num-samples 5 --sampling-method churn \
    --num-sampling-steps 5 --out "$scratch/i"
  says "5 samples (2)"

  check "likelihood" "$transit" likelihood --ckpt "$plain" --data "$x" --trace exact $sharp --out "$scratch/j"
  mlp density "$scratch/j/likelihood.npz" "$x" 1
  equals "$(number "$scratch/j/run.json" labels)" none "labels of a likelihood"
  check "likelihood of a class" "$transit" likelihood --ckpt "$classes" --data "$x" --class-labels 2 --trace exact $sharp \
    --save-score --check --out "$scratch/k"
  mlp density "$scratch/k/likelihood.npz" "$x" 1 2,2,2,2,2,2
  check "likelihood by probes" "$transit" likelihood --ckpt "$classes" --data "$x" --probes 4 $sharp --out "$scratch/l"
  equals "$(number "$scratch/l/run.json" labels)" "null class" "labels of a likelihood"

  npy "$scratch/t.npy" '<f8' '(6,)' 48
  for dtype in f64 f32; do
    check "field in $dtype" "$transit" field --ckpt "$classes" --init "$x" --times "$scratch/t.npy" --class-labels 0,1,2,0,1,2 \
      --quantities velocity,denoiser --dtype $dtype --out "$scratch/m-$dtype"
    mlp field "$scratch/m-$dtype/field.npz" "$x" 1 0,1,2,0,1,2
  done
  npy "$scratch/same.npy" '<f8' '(4000, 2)' 64000
  check "loss" "$transit" loss --ckpt "$plain" --data "$scratch/same.npy" --points 5 --out "$scratch/n"
  mlp loss "$scratch/n/loss.txt" 0

  check "sweep" "$transit" sweep --ckpt "$plain" --num-samples 6 --solvers heun2,euler-maruyama,dopri5 --steps 8 --rtol 1e-5 \
    --reference-rtol 1e-9 --out "$scratch/o"
  present "$scratch/o/results.csv" "$scratch/o/table.md"
  equals "$(grep -c ',ok' "$scratch/o/results.csv")" "$(($(wc -l <"$scratch/o/results.csv") - 1))" "runs of a sweep that are ok"
  check "sweep of one with classes" "$transit" sweep --ckpt "$classes" --num-samples 6 --class-labels 1 --cfg-scale 2 \
    --solvers heun2 --steps 8 --reference-rtol 1e-6 --out "$scratch/p"
  check "tune-grid" "$transit" tune-grid --ckpt "$plain" --num-samples 8 --sampling-method heun2 --nfe 8 --out "$scratch/q"
}

# The same numbers in bf16 are the same network, bit for bit.
mlp make "$scratch/half.safetensors" plain BF16
check "inspect one in bf16" "$transit" inspect "$scratch/half.safetensors"
says "weights: 6 tensors, 34 parameters, 0.0 MB (in use)"
# shellcheck disable=SC2086
check "sample one in bf16" "$transit" sample ODE --ckpt "$scratch/half.safetensors" --init "$x" $sharp --out "$scratch/s"
same "$scratch/a/samples.npz" "$scratch/s/samples.npz"

# What the arguments beside a file say holds for every kind.
printf '{"path_type": "VP", "prediction": "noise"}' >"$plain.json"
check "arguments beside it" "$transit" sample ODE --ckpt "$plain" --num-samples 2 --rtol 0.1 --out "$scratch/r"
says "VP noise"
printf '{"num_heads": 4}' >"$plain.json"
refuse 1 "says num_heads = 4: mlp has no parameter 'num_heads': it has none" "$transit" sample ODE --ckpt "$plain" --out "$scratch/out"
printf '{"num_classes": 4}' >"$plain.json"
refuse 1 "says num_classes = 4: " "$transit" sample ODE --ckpt "$plain" --out "$scratch/out"
rm "$plain.json"

refuse 2 "--class-labels 1: this model is unconditional" "$transit" sample ODE --ckpt "$plain" --class-labels 1 --out "$scratch/out"
refuse 2 "--class-labels 4 is out of range: the model has classes 0 to 2 and the null class after them" \
  "$transit" sample ODE --ckpt "$classes" --class-labels 4 --out "$scratch/out"
refuse 2 "needs a null class" "$transit" sample ODE --ckpt "$plain" --cfg-scale 2 --out "$scratch/out"
refuse 2 "first3 is for latents (C, H, W): this model has states of 2 numbers" \
  "$transit" sample ODE --ckpt "$classes" --cfg-scale 2 --cfg-channels first3 --out "$scratch/out"
refuse 2 "mlp has no parameter 'num_heads': it has none" "$transit" sample ODE --ckpt "$plain" --num-heads 4 --out "$scratch/out"
refuse 2 "--recompute: the network mlp keeps no activations by blocks" \
  "$transit" likelihood --ckpt "$plain" --data "$x" --recompute --out "$scratch/out"
refuse 1 "the shape must be (any, 2)" "$transit" sample ODE --ckpt "$plain" --init "$scratch/t.npy" --out "$scratch/out"
refuse 1 "this model takes (N, 2)" "$transit" likelihood --ckpt "$plain" --data "$scratch/t.npy" --out "$scratch/out"
refuse 1 "holds images, this model takes states of 2 numbers" \
  "$transit" likelihood --ckpt "$plain" --data "$here/../../experiments/digits" --out "$scratch/out"
mlp foreign "$scratch/foreign.safetensors"
refuse 1 "the weights, with the tensor 'conv1.weight', are of no network that is known here (known: sit, mlp, inception, vae)" \
  "$transit" sample ODE --ckpt "$scratch/foreign.safetensors" --out "$scratch/out"
check "tensors of an unknown network" "$transit" inspect "$scratch/foreign.safetensors"
for line in 'network: not known, so it cannot be sampled: the weights, with the tensor' '  conv1.weight ('; do
  checks=$((checks + 1))
  grep -qF -e "$line" "$scratch/stdout" || fail "inspect lacks '$line': $(cat "$scratch/stdout")"
done
absent "$scratch/out"
finish
