# transit sample on the digits: outputs, invariances, records.
. "$(dirname "$0")/common.sh"
draw="$transit sample"
model="--ckpt $digits --num-samples 6 --seed 3"
out=$scratch

# shellcheck disable=SC2086
ode() { # ode NAME OPTION...
  name=$1
  shift
  check "ODE $name" $draw ODE $model --force --out "$out/$name" "$@"
}
# shellcheck disable=SC2086
sde() {
  name=$1
  shift
  check "SDE $name" $draw SDE $model --force --out "$out/$name" "$@"
}

# The default: everything is there, and the record says what ran.
ode default
says "wrote $out/default/samples.npz, samples.png and run.json"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr in a pipe"
present "$out/default/samples.npz" "$out/default/samples.png" "$out/default/run.json"
equals "$(ls -A "$out/default" | wc -l | tr -d ' ')" 3 "files in the folder"
record=$out/default/run.json
equals "$(number "$record" stop_reason)" end "stop reason"
grep -q '"kind": "sit"' "$record" || fail "no kind of the network in $record"
equals "$(number "$record" seed)" 3 "seed"
equals "$(number "$record" command)" sample "command"
case $(number "$record" solver) in CVODE*) ;; *) fail "solver '$(number "$record" solver)'" ;; esac
for key in nfe n_steps n_rejected wall_seconds threads; do
  checks=$((checks + 1))
  case $(number "$record" $key) in [0-9]*) ;; *) fail "run.json has no number $key" ;; esac
done
grep -q "\"sha256\": \"$(sha256sum "$digits" | cut -d' ' -f1)\"" "$record" || fail "hash of the checkpoint"
for resolved in '"path-type": "Linear"' '"prediction": "velocity"' '"sample-eps": 0.0' '"rtol": 0.001' '"num-heads": 4'; do
  checks=$((checks + 1))
  grep -qF "$resolved" "$record" || fail "run.json lacks $resolved"
done
if command -v python3 >/dev/null 2>&1; then
  check "run.json is JSON" python3 -m json.tool "$record"
fi

# Classes out of a file, at random, as many of each; the record says which.
quick="--sampling-method euler --num-sampling-steps 2"
seq 0 9 | tr '\n' ' ' >"$scratch/labels.txt"
# shellcheck disable=SC2086
{
  check "labels of a file" $draw ODE --ckpt "$digits" --seed 3 $quick --class-labels "@$scratch/labels.txt" --out "$out/of-file"
  check "labels in turn" $draw ODE --ckpt "$digits" --seed 3 $quick --class-labels balanced --out "$out/balanced"
  check "labels at random" $draw ODE --ckpt "$digits" --seed 3 $quick --class-labels random --num-samples 10 --out "$out/random"
  refuse 2 "7 samples are no multiple of the 10 classes: use 10" $draw ODE --ckpt "$digits" --class-labels balanced --num-samples 7 --out "$out/no"
  refuse 2 "labels.txt:2: --class-labels 'x' is not right" sh -c "printf '1\n2 x\n' >'$scratch/labels.txt'; exec $draw ODE --ckpt '$digits' --class-labels '@$scratch/labels.txt' --out '$out/no'"
}
absent "$out/no"
same "$out/of-file/samples.npz" "$out/balanced/samples.npz"
differ "$out/of-file/samples.npz" "$out/random/samples.npz"
checks=$((checks + 1))
grep -q '"class-labels": "random"' "$out/random/run.json" || fail "run.json does not say that the classes were drawn"

# The same seed gives the same bytes for any batch size and any number of threads, on fixed grids.
grid="--sampling-method heun2 --num-sampling-steps 9 --cfg-scale 2"
# shellcheck disable=SC2086
{
  ode grid $grid
  ode batches $grid --batch-size 4
  ode single $grid --batch-size 1
  ode threads $grid --threads 1
}
same "$out/grid/samples.npz" "$out/batches/samples.npz"
same "$out/grid/samples.npz" "$out/single/samples.npz"
same "$out/grid/samples.npz" "$out/threads/samples.npz"
same "$out/grid/samples.png" "$out/threads/samples.png"
equals "$(number "$out/grid/run.json" solver)" heun2 "solver"
equals "$(number "$out/grid/run.json" nfe)" 16 "evaluations of Heun on 9 points"
equals "$(number "$out/batches/run.json" nfe)" 16 "evaluations a sample in two batches"
equals "$(number "$out/batches/run.json" nfe_all_batches)" 32 "evaluations of two batches"
sde noise --num-sampling-steps 9
sde noise-batches --num-sampling-steps 9 --batch-size 5 --threads 1
same "$out/noise/samples.npz" "$out/noise-batches/samples.npz"
equals "$(number "$out/noise/run.json" nfe)" 9 "8 steps and the last one"
differ "$out/noise/samples.npz" "$out/grid/samples.npz"
model="--ckpt $digits --num-samples 6 --seed 4"
sde seed --num-sampling-steps 9
differ "$out/noise/samples.npz" "$out/seed/samples.npz"
model="--ckpt $digits --num-samples 6 --seed 3"

# From data back to noise: the ODE forward and in reverse returns the start.
fine="--dtype f64 --rtol 1e-9 --atol 1e-9"
npy "$scratch/zero.npy" '<f8' '(2, 1, 8, 8)' 1024
model="--ckpt $digits --seed 3 --class-labels 1,7"
# shellcheck disable=SC2086
{
  ode start --dtype f64 --max-nfe 1 --sampling-method euler
  ode forward $fine --init "$out/start/samples.npz"
  ode back $fine --init "$out/forward/samples.npz" --reverse
  ode again $fine --init "$out/back/samples.npz"
  ode zero $fine --init "$scratch/zero.npy"
}
# In reverse the flow pulls samples of one class apart, and errors with them.
close "$out/start/samples.npz" "$out/back/samples.npz" f8 1e-4
close "$out/forward/samples.npz" "$out/again/samples.npz" f8 1e-6
differ "$out/forward/samples.npz" "$out/zero/samples.npz"

# Save times: the trajectory ends at the samples; --max-nfe keeps the state it reached.
model="--ckpt $digits --num-samples 2"
ode times --save-times 0,0.5,1
grep -q trajectory "$out/times/samples.npz" || fail "no trajectory in samples.npz"
ode short --max-nfe 7 --save-times 0,0.5,1
equals "$(number "$out/short/run.json" stop_reason)" max-nfe "stop reason"
checks=$((checks + 1))
[ "$(number "$out/short/run.json" nfe)" -le 7 ] || fail "more evaluations than --max-nfe"
sde short-sde --max-nfe 5
equals "$(number "$out/short-sde/run.json" stop_reason)" max-nfe "stop reason of the SDE"
equals "$(number "$out/short-sde/run.json" nfe)" 5 "evaluations of an SDE that --max-nfe 5 stops"
ode one --max-nfe 1
equals "$(number "$out/one/run.json" nfe)" 1 "evaluations with --max-nfe 1"
equals "$(number "$out/one/run.json" n_rejected)" 0 "rejected steps with --max-nfe 1"

# Every form and last step runs; guidance on an interval costs no more evaluations.
for form in constant SBDM sigma linear decreasing increasing-decreasing; do
  sde "form-$form" --num-sampling-steps 5 --diffusion-form "$form" --diffusion-norm 0.5
done
for last in None Mean Tweedie Euler; do
  sde "last-$last" --num-sampling-steps 5 --last-step "$last"
done
# A last step that multiplies the noise it should remove is said with its factor and the better one, which then is quiet.
sde last-loud --num-sampling-steps 5 --diffusion-form constant
warns "the last step Mean multiplies the noise left at t = 0.96 by -25 (form constant at norm 1): use --last-step Tweedie, which multiplies it by"
warns "or --diffusion-norm 0.04"
sde last-norm --num-sampling-steps 250 --max-nfe 2 --diffusion-form sigma --diffusion-norm 3
warns "by -3 (form sigma at norm 3): use --last-step Tweedie"
for quiet in "--diffusion-form constant --last-step Tweedie" "--diffusion-form constant --diffusion-norm 0.04" ""; do
  # shellcheck disable=SC2086
  sde last-quiet --num-sampling-steps 250 --max-nfe 2 $quiet
  equals "$(grep -c "multiplies the noise" "$scratch/stderr")" 0 "warnings of the last step with '$quiet'"
done
# kappa without its table says what it is, and so does the record.
sde kappa --num-sampling-steps 5 --diffusion-form kappa
warns "the form kappa without --diffusion-table: kappa is 1, which is SBDM"
equals "$(sed -n 's/.*"without_diffusion_table": "\(.*\)".*/\1/p' "$out/kappa/run.json")" "kappa is 1, which is SBDM" "the record"
sde sbdm --num-sampling-steps 5 --diffusion-form SBDM
same "$out/kappa/samples.npz" "$out/sbdm/samples.npz"
equals "$(grep -c without_diffusion_table "$out/sbdm/run.json")" 0 "forms without a table in the record"

ode interval --sampling-method euler --num-sampling-steps 6 --cfg-scale 3 --cfg-interval 0.2,0.7
equals "$(number "$out/interval/run.json" nfe)" 5 "one evaluation a step with guidance"
ode guard --device guard --sampling-method euler --num-sampling-steps 3
ode cpu --sampling-method euler --num-sampling-steps 3
same "$out/guard/samples.npz" "$out/cpu/samples.npz"

# Exponential methods: one evaluation a step, in the angle; DDIM is not Euler.
for method in ddim dpmpp-2m dpmpp-3m deis unipc; do
  ode "$method" --sampling-method $method --num-sampling-steps 5 --time-grid logSNR
  equals "$(number "$out/$method/run.json" nfe)" 4 "evaluations of $method"
  equals "$(number "$out/$method/run.json" clock)" angle "clock of $method"
  differ "$out/$method/samples.npz" "$out/grid/samples.npz"
done
differ "$out/ddim/samples.npz" "$out/unipc/samples.npz"

for method in exponential-euler dpmpp-2m-sde sa-solver sa-solver-3; do
  sde "$method" --sampling-method $method --num-sampling-steps 5 --diffusion-form kappa --last-step None
  equals "$(number "$out/$method/run.json" nfe)" 4 "evaluations of $method"
done
differ "$out/exponential-euler/samples.npz" "$out/dpmpp-2m-sde/samples.npz"

# Adaptive steps of the SDE: more evaluations for a tighter tolerance, the same again, the steps of the record.
for rtol in 1e-1 1e-2; do
  sde "adaptive-$rtol" --sampling-method shark --rtol $rtol --diffusion-form sigma
  equals "$(number "$out/adaptive-$rtol/run.json" rtol_used | awk -v r=$rtol '{ print ($1 == r) }')" 1 "rtol of the record"
done
checks=$((checks + 1))
[ "$(number "$out/adaptive-1e-2/run.json" nfe)" -gt "$(number "$out/adaptive-1e-1/run.json" nfe)" ] || fail "a tighter tolerance has no more evaluations"
sde adaptive-again --sampling-method shark --rtol 1e-1 --diffusion-form sigma
same "$out/adaptive-again/samples.npz" "$out/adaptive-1e-1/samples.npz"
# Noise around ODE methods: the evaluations of their legs; the same samples in other batches; adaptive ones too.
sde churn --sampling-method churn --num-sampling-steps 9
equals "$(number "$out/churn/run.json" nfe)" 16 "evaluations of heun2 in 8 steps"
sde churn-batches --sampling-method churn --num-sampling-steps 9 --batch-size 1
same "$out/churn/samples.npz" "$out/churn-batches/samples.npz"
sde churn-edm --sampling-method churn --churn 5 --churn-levels 0.1,10 --churn-noise 1.003 --ode-method ddim --num-sampling-steps 9
equals "$(number "$out/churn-edm/run.json" nfe)" 8 "evaluations of ddim in 8 steps"
differ "$out/churn/samples.npz" "$out/churn-edm/samples.npz"
sde churn-cvode --sampling-method churn --ode-method cvode-adams --rtol 1e-2 --num-sampling-steps 5
equals "$(number "$out/churn-cvode/run.json" rtol_used)" 0.0028 "rtol of the ODE method"
grep -q '^    "atol": 1' "$out/churn-cvode/run.json" || fail "atol of the ODE method is not resolved"
sde restart --sampling-method restart --restart-intervals 0.25,0.5,0.75,1 --restarts 2,1 --restart-steps 3 --ode-method euler --num-sampling-steps 9 --save-times 0.5,1
equals "$(number "$out/restart/run.json" nfe)" 17 "evaluations of euler in 8 steps and 3 times 3"
# Stopped before the interval's end, where a time within it would yet have been passed again.
sde restart-cut --sampling-method restart --restart-intervals 0.2,0.5 --num-sampling-steps 11 --save-times 0.1,0.3 --max-nfe 9
equals "$(number "$out/restart-cut/run.json" t_end)" 0.4 "time at which --max-nfe stopped restart"
grep -aq "'shape': (1, 2, 1, 8, 8)" "$out/restart-cut/samples.npz" || fail "not the one time passed for good"
sde restart-cvode --sampling-method restart --restart-intervals 0.3,0.8 --ode-method cvode-adams
differ "$out/restart/samples.npz" "$out/restart-cvode/samples.npz"
check "idle options" $draw SDE $model --sampling-method shark --rtol 1e-1 --num-sampling-steps 7 --out "$out/idle-sde"
equals "$(grep -c -- "--num-sampling-steps has no effect" "$scratch/stderr")" 1 "warnings of idle options"

# Time grids: each has its points elsewhere; a list in a file is what it says.
for grid in logSNR quadratic karras shift cosine; do
  ode "grid-$grid" --sampling-method euler --num-sampling-steps 5 --time-grid $grid
  equals "$(number "$out/grid-$grid/run.json" nfe)" 4 "steps on the grid $grid"
  differ "$out/grid-$grid/samples.npz" "$out/cpu/samples.npz"
done
printf '# three points\n0\n0.5\n1\n' >"$scratch/points.txt"
ode grid-list --sampling-method euler --time-grid list --grid-file "$scratch/points.txt"
same "$out/grid-list/samples.npz" "$out/cpu/samples.npz"
grep -q '"num-sampling-steps": 3' "$out/grid-list/run.json" || fail "run.json lacks the number of points"
grep -q '"grid_file": \[' "$out/grid-list/run.json" || fail "run.json lacks the points of the grid"
sde grid-sde --num-sampling-steps 5 --time-grid shift --grid-shift 2
ode grid-unused --max-nfe 3 --time-grid cosine
warns "warning: --time-grid has no effect"

# Without any eps, every path and prediction through the ODE, and every form through the SDE.
model="--ckpt $digits --num-samples 1"
for path in Linear GVP VP; do
  for prediction in velocity noise score denoiser; do
    ode "eps-$path-$prediction" --path-type $path --prediction $prediction --sample-eps 0 --rtol 0.05
    equals "$(number "$out/eps-$path-$prediction/run.json" stop_reason)" end "stop reason"
    for form in constant SBDM sigma linear decreasing increasing-decreasing kappa; do
      sde "eps-$form" --path-type $path --prediction $prediction --sample-eps 0 --diffusion-form $form \
        --num-sampling-steps 4
    done
  done
done
model="--ckpt $digits --num-samples 2"

# Along another path than the model's own: the same ends of the ODE to the tolerances, through Linear and GVP,
# which start alike; the model's own path by name changes nothing; edges of guidance are in the model's time.
tight="--sampling-method dopri5 --rtol 1e-9 --atol 1e-9 --dtype f64 --sample-eps 0"
# shellcheck disable=SC2086
{
  ode along-own $tight
  ode along-linear $tight --sample-path linear
  ode along-gvp $tight --sample-path GVP
  says "Linear velocity along GVP"
  ode guided-own $tight --cfg-scale 2 --cfg-interval 0.2,0.7
  ode guided-gvp $tight --cfg-scale 2 --cfg-interval 0.2,0.7 --sample-path GVP
  ode noise-own $tight --prediction noise --clock angle
  ode noise-gvp $tight --prediction noise --sample-path GVP --clock angle
}
same "$out/along-own/samples.npz" "$out/along-linear/samples.npz"
differ "$out/along-own/samples.npz" "$out/along-gvp/samples.npz"
close "$out/along-gvp/samples.npz" "$out/along-own/samples.npz" f8 1e-7
close "$out/guided-gvp/samples.npz" "$out/guided-own/samples.npz" f8 1e-7
close "$out/noise-gvp/samples.npz" "$out/noise-own/samples.npz" f8 1e-4
equals "$(number "$out/along-gvp/run.json" nfe | awk '{ print ($1 > 20) }')" 1 "evaluations along GVP"
for resolved in '"path-type": "Linear"' '"sample-path": "GVP"' '"prediction": "velocity"'; do
  checks=$((checks + 1))
  grep -qF "$resolved" "$out/along-gvp/run.json" || fail "run.json lacks $resolved"
done
sde along-vp --sample-path VP --num-sampling-steps 5
npy "$scratch/start.npy" "<f4" "(2, 1, 8, 8)" 512
ode along-back --sample-path GVP --reverse --init "$scratch/start.npy"

# Given normals: zeros make Euler-Maruyama deterministic, whatever the seed.
npy "$scratch/noise.npy" '<f4' '(4, 2, 1, 8, 8)' 2048
npy "$scratch/start.npy" '<f4' '(2, 1, 8, 8)' 512
sde quiet --num-sampling-steps 5 --noise "$scratch/noise.npy" --init "$scratch/start.npy"
sde quiet-2 --num-sampling-steps 5 --noise "$scratch/noise.npy" --init "$scratch/start.npy" --seed 9 --batch-size 1
same "$out/quiet/samples.npz" "$out/quiet-2/samples.npz"
for given in init:start noise:noise; do
  sum=$(sha256sum "$scratch/${given#*:}.npy" | cut -d ' ' -f 1)
  equals "$(number "$out/quiet/run.json" "${given%:*}_sha256")" "$sum" "what --${given%:*} held"
done

# What has no effect is said, and rtol below what f32 holds is raised with a warning.
ode unused --num-sampling-steps 20 --max-nfe 3
warns "warning: --num-sampling-steps has no effect"
ode unguided --cfg-channels first3 --max-nfe 3
warns "warning: --cfg-channels has no effect"
ode tight --rtol 1e-12 --max-nfe 3
warns "warning: "
warns "rtol"

# A run that works no longer in pixels takes the picture of an earlier one away.
ode default
present "$out/default/samples.png"
if python3 -c 'import numpy' 2>/dev/null; then
  check "numpy reads the arrays" python3 -c '
import numpy, sys
a = numpy.load(sys.argv[1])
assert a["latents"].shape == (2, 1, 8, 8) and a["latents"].dtype == numpy.float32
assert a["trajectory"].shape == (3, 2, 1, 8, 8) and a["labels"].tolist() == [0, 1]
assert a["arr_0"].shape == (2, 8, 8, 3) and a["arr_0"].dtype == numpy.uint8
assert (a["trajectory"][2] == a["latents"]).all()
u = numpy.clip(127.5 * a["latents"].astype("f8") + 128, 0, 255).astype(numpy.uint8)
assert (u[:, 0] == a["arr_0"][..., 0]).all()' "$out/times/samples.npz"
fi
finish
