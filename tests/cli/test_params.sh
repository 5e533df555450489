# The parameters of modules: shown by list, set by name, recorded; the older options are the same ones.
. "$(dirname "$0")/common.sh"
out=$scratch/out
model="--ckpt $digits --num-samples 2 --batch-size 2"
printf '0 1\n0.5 0.5\n1 2\n' >"$scratch/loss.txt"

# recorded FILE TEXT: a record has this text, blanks aside.
recorded() {
  checks=$((checks + 1))
  tr -d ' \n' <"$1" | grep -qF -e "$2" || fail "no '$2' in $1"
}

# shellcheck disable=SC2086
ode() { # ode DIR OPTION...
  dir=$1
  shift
  check "sample ODE $*" "$transit" sample ODE $model --force --out "$out/$dir" "$@"
}
# shellcheck disable=SC2086
sde() {
  dir=$1
  shift
  check "sample SDE $*" "$transit" sample SDE $model --force --num-sampling-steps 5 --out "$out/$dir" "$@"
}
# shellcheck disable=SC2086
bad() { # bad TEXT MODE OPTION...
  text=$1
  mode=$2
  shift 2
  refuse 2 "$text" "$transit" sample "$mode" $model --out "$out/bad" "$@"
  absent "$out/bad"
}

# What there is.
check "list" "$transit" list
says "eta (> 0 and <= 1000000, must be given): weight of the cost of noise"
says "shift (from 1e-06 to 1000000, default 3):"
says "sigma_max (from 1e-06 to 1000, default 20):"
check "list as JSON" "$transit" list --json diffusion
says '"parameters": ['
says '"range": "> 0 and <= 1000000"'
for command in sample likelihood sweep tune-grid loss field; do
  check "help of $command" "$transit" "$command" --help
  says "--path-param NAME=VALUE"
done

# A diffusion form.
form="--diffusion-form KL-eta --diffusion-table $scratch/loss.txt"
# shellcheck disable=SC2086
sde eta $form --eta 0.1
# shellcheck disable=SC2086
sde form $form --form-param eta=0.1
# shellcheck disable=SC2086
sde other $form --form-param=eta=0.2
same "$out/eta/samples.npz" "$out/form/samples.npz"
differ "$out/eta/samples.npz" "$out/other/samples.npz"
recorded "$out/form/run.json" '"form-param":{"eta":0.1'
recorded "$out/form/run.json" '"eta":null'
recorded "$out/eta/run.json" '"form-param":{"eta":0.1'
recorded "$out/eta/run.json" '"eta":0.1'
# shellcheck disable=SC2086
{
  bad "--eta 0.1 and --form-param eta=0.2 are the same parameter: give one of them" SDE $form --eta 0.1 --form-param eta=0.2
  bad "KL-eta needs its parameter eta" SDE $form
  bad "--form-param: KL-eta has no parameter 'etta': did you mean 'eta'? (it has eta)" SDE $form --form-param etta=1
  bad "--form-param: eta of KL-eta is -1: use a finite number > 0" SDE $form --form-param eta=-1
  bad "--form-param has 'eta' twice" SDE $form --form-param eta=1 --form-param eta=2
  bad "--form-param 'eta' is not right: use NAME=VALUE" SDE $form --form-param eta
}
bad "--form-param: sigma has no parameter 'eta': it has none" SDE --form-param eta=1
bad "--eta: sigma has no parameter 'eta': it has none" SDE --eta 1
bad "--last-step-param: Mean has no parameter 'size': it has none" SDE --last-step-param size=1
bad "--last-step-param is not an option of 'transit sample ODE': it belongs to SDE" ODE --last-step-param size=1
bad "--form-param is not an option of 'transit sample ODE': it belongs to SDE" ODE --form-param eta=1
sde plain
recorded "$out/plain/run.json" '"form-param":null'
sde restart --sampling-method restart --restart-intervals 0.2,0.6 --restart-steps 2 --form-param eta=1 --diffusion-form KL-eta \
  --diffusion-table "$scratch/loss.txt"
warns "--form-param has no effect: restart"

# A method: churn has EDM's settings as parameters.
sde churn-old --sampling-method churn --churn 5 --churn-levels 0.1,10 --churn-noise 1.003
sde churn-new --sampling-method churn --method-param churn=5,level-min=0.1 --method-param level-max=10,noise=1.003
same "$out/churn-old/samples.npz" "$out/churn-new/samples.npz"
recorded "$out/churn-old/run.json" '"method-param":{"churn":5.0,"level-min":0.1'
recorded "$out/churn-new/run.json" '"churn":null'
sde churn-form --sampling-method churn
recorded "$out/churn-form/run.json" '"method-param":{"churn":null,"level-min":0.0,"level-max":null,"noise":1.0}'
differ "$out/churn-old/samples.npz" "$out/churn-form/samples.npz"
bad "--churn 5 and --method-param churn=4 are the same parameter" SDE --sampling-method churn --churn 5 --method-param churn=4
bad "--churn-levels 1 and --method-param level-min=2 are the same parameter" SDE --sampling-method churn --churn 5 --churn-levels 1,2 \
  --method-param level-min=2
bad "--method-param: noise of churn is 0: use a finite number > 0" SDE --sampling-method churn --method-param churn=1,noise=0
bad "level-min of churn is set, but not its churn" SDE --sampling-method churn --method-param level-min=1
bad "--method-param: shark has no parameter 'churn': it has none" SDE --sampling-method shark --method-param churn=5
bad "--method-param: euler has no parameter 'order': it has none" ODE --sampling-method euler --method-param order=5
sde idle-churn --churn 5
warns "--churn has no effect: euler-maruyama is not churn"
check "list of SDE methods" "$transit" list sde-method
says "level-max (from 0 to 1000000, unset: no limit): with churn: S_max, the highest"

# A time grid.
for pair in shift:shift:2 karras:rho:5 logSNR:bound:4; do
  grid=${pair%%:*}
  name=${pair#*:}
  value=${name#*:}
  name=${name%:*}
  ode "$grid-old" --sampling-method euler --num-sampling-steps 5 --time-grid "$grid" "--grid-$name" "$value"
  ode "$grid-new" --sampling-method euler --num-sampling-steps 5 --time-grid "$grid" --grid-param "$name=$value"
  ode "$grid-usual" --sampling-method euler --num-sampling-steps 5 --time-grid "$grid"
  same "$out/$grid-old/samples.npz" "$out/$grid-new/samples.npz"
  differ "$out/$grid-old/samples.npz" "$out/$grid-usual/samples.npz"
  recorded "$out/$grid-old/run.json" "\"grid-param\":{\"$name\":$value.0}"
done
recorded "$out/shift-usual/run.json" '"grid-param":{"shift":3.0}'
bad "--grid-shift 2 and --grid-param shift=2 are the same parameter" ODE --sampling-method euler --time-grid shift --grid-shift 2 \
  --grid-param shift=2
bad "--grid-param: cosine has no parameter 'shift': it has none" ODE --sampling-method euler --time-grid cosine --grid-param shift=2
ode idle --rtol 0.1 --time-grid shift --grid-param shift=2
warns "--grid-param has no effect: cvode-adams chooses its own steps"

# A path: the model's own, and the one sampled along.
path="--path-type VP --prediction noise --rtol 0.05"
# shellcheck disable=SC2086
{
  ode path $path
  ode path5 $path --path-param sigma_max=5,sigma_min=0.2
  ode along $path --sample-path-param sigma_max=5
  ode both $path --path-param sigma_max=5 --sample-path VP
}
differ "$out/path/samples.npz" "$out/path5/samples.npz"
differ "$out/path/samples.npz" "$out/along/samples.npz"
recorded "$out/path/run.json" '"path-param":{"sigma_min":0.1'
recorded "$out/path5/run.json" '"path-param":{"sigma_min":0.2'
recorded "$out/path5/run.json" '"sample-path-param":{"sigma_min":0.2'
recorded "$out/along/run.json" '"sigma_max":20.0}'
recorded "$out/along/run.json" '"sigma_max":5.0}'
# On the model's own path, with its own parameters, nothing is transferred.
# shellcheck disable=SC2086
ode own $path --path-param sigma_max=5
same "$out/both/samples.npz" "$out/own/samples.npz"
bad "--path-param: Linear has no parameter 'sigma_max': it has none" ODE --path-param sigma_max=5
bad "--path-param: sigma_max of VP is 0: use a finite number from 1e-06 to 1000" ODE --path-type VP --path-param sigma_max=0
bad "--path-param: VP with sigma_min = 30 above sigma_max = 20" ODE --path-type VP --path-param sigma_min=30
bad "--sample-path-param: VP with sigma_min = 0.1 above sigma_max = 0.05" ODE --sample-path VP --sample-path-param sigma_max=0.05
bad "--grid-param: shift of shift is 1e+308: use a finite number from 1e-06 to 1000000" ODE --sampling-method euler --time-grid shift \
  --grid-param shift=1e308
bad "--sample-path-param: VP has no parameter 'sigma': did you mean 'sigma_min'" ODE --sample-path VP --sample-path-param sigma=1
check "likelihood" "$transit" likelihood --ckpt "$digits" --data "$here/../../experiments/digits/digits.npz" --num 1 --rtol 0.1 \
  --probes 1 --sample-path VP --sample-path-param sigma_max=5 --out "$out/likelihood"
recorded "$out/likelihood/run.json" '"sample-path-param":{"sigma_min":0.1'
refuse 2 "--sample-path-param: GVP has no parameter 'sigma_max': it has none" "$transit" likelihood --ckpt "$digits" \
  --data "$here/../../experiments/digits/digits.npz" --num 1 --sample-path GVP --sample-path-param sigma_max=5 --out "$out/bad"

# A sweep.
sweep="$transit sweep --target gaussian:d=1,mean=1,std=0.5 --num-samples 8 --solvers euler-maruyama --steps 4"
table="--diffusion-table $scratch/loss.txt"
# shellcheck disable=SC2086
{
  check "sweep with --eta" $sweep --diffusion-forms sigma,KL-eta $table --eta 0.5 --out "$out/sweep-old"
  check "sweep with --form-param" $sweep --diffusion-forms sigma,KL-eta $table --form-param eta=0.5 --out "$out/sweep-new"
}
for dir in sweep-old sweep-new; do sed 's/,[^,]*,$//' "$out/$dir/results.csv" >"$out/$dir/timeless"; done
same "$out/sweep-old/timeless" "$out/sweep-new/timeless"
recorded "$out/sweep-new/manifest.json" '"parameters":{"diffusion":{"KL-eta":{"eta":0.5}}}'
recorded "$out/sweep-old/manifest.json" '"parameters":{"diffusion":{"KL-eta":{"eta":0.5}}}'
# shellcheck disable=SC2086
{
  refuse 2 "--eta 0.5 and --form-param eta=0.5 are the same parameter" $sweep --diffusion-forms KL-eta $table --eta 0.5 \
    --form-param eta=0.5 --out "$out/bad"
  refuse 2 "--form-param: none of sigma, KL-eta has a parameter 'etta': did you mean 'eta'?" $sweep --diffusion-forms sigma,KL-eta \
    $table --form-param etta=0.5 --out "$out/bad"
  refuse 2 "--form-param: none of sigma, SBDM has a parameter 'power': they have none" $sweep --diffusion-forms sigma,SBDM \
    --form-param power=0.5 --out "$out/bad"
  refuse 2 "--form-param: sigma has no parameter 'eta': it has none" $sweep --form-param eta=0.5 --out "$out/bad"
  refuse 2 "--eta: sigma has no parameter 'eta': it has none" $sweep --eta 0.5 --out "$out/bad"
  refuse 2 "--eta: none of sigma, SBDM has a parameter 'eta': they have none" $sweep --diffusion-forms sigma,SBDM --eta 0.5 --out "$out/bad"
  refuse 2 "--last-step-param: none of Mean, Euler has a parameter 'share': they have none" $sweep --last-steps Mean,Euler \
    --last-step-param share=0.5 --out "$out/bad"
  refuse 2 "another sweep (--form-param was {\"eta\": 0.5}, is {\"eta\": 0.25})" $sweep --diffusion-forms sigma,KL-eta $table \
    --form-param eta=0.25 --out "$out/sweep-new"
  check "a grid and a path" $sweep --path-types Linear,VP --path-param sigma_max=5 --time-grids uniform,shift --grid-param shift=2 \
    --out "$out/sweep-grid"
  refuse 2 "--grid-param: none of uniform, shift has a parameter 'rho': they have shift" $sweep --time-grids uniform,shift \
    --grid-param rho=2 --out "$out/bad"
}
# shellcheck disable=SC2086
{
  noised="$transit sweep --target gaussian:d=1,mean=1,std=0.5 --num-samples 8 --steps 4 --solvers churn+heun2,shark"
  check "churn in a sweep" $noised --method-param churn=5 --out "$out/sweep-churn-new"
  check "churn in a sweep, as before" $noised --churn 5 --out "$out/sweep-churn-old"
  refuse 2 "--method-param: none of churn, heun2, shark has a parameter 'chrn': did you mean 'churn'?" $noised --method-param chrn=5 \
    --out "$out/bad"
}
for dir in sweep-churn-old sweep-churn-new; do sed 's/,[^,]*,$//' "$out/$dir/results.csv" >"$out/$dir/timeless"; done
same "$out/sweep-churn-old/timeless" "$out/sweep-churn-new/timeless"
recorded "$out/sweep-churn-old/manifest.json" '"sde-method":{"churn":{"churn":5.0'
recorded "$out/sweep-grid/manifest.json" '"interpolant":{"VP":{"sigma_min":0.1'
recorded "$out/sweep-grid/manifest.json" '"grid":{"shift":{"shift":2.0}}'
absent "$out/bad"
# A folder whose manifest is older than these options is still the same sweep.
# shellcheck disable=SC2086
check "a sweep without parameters" $sweep --out "$out/sweep-plain"
sed -z 's/,\n *"parameters": null//; s/\n *"[a-z-]*-param": null,//g' "$out/sweep-plain/manifest.json" >"$out/older"
checks=$((checks + 1))
grep -q 'param"\|parameters"' "$out/older" && fail "parameters are left in $out/older: $(cat "$out/older")"
differ "$out/older" "$out/sweep-plain/manifest.json"
mv "$out/older" "$out/sweep-plain/manifest.json"
# shellcheck disable=SC2086
check "the same sweep" $sweep --out "$out/sweep-plain"
says "1 of 1 row is there already"

finish
