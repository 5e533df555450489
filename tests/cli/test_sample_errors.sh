# transit sample refuses bad input in one line, with status 1 or 2, and writes nothing.
. "$(dirname "$0")/common.sh"
out=$scratch/out
model="--ckpt $digits --num-samples 2 --out $out"

# shellcheck disable=SC2086
ode() { # ode STATUS TEXT OPTION...
  want=$1
  text=$2
  shift 2
  refuse "$want" "$text" "$transit" sample ODE $model "$@"
  absent "$out"
}
# shellcheck disable=SC2086
sde() {
  want=$1
  text=$2
  shift 2
  refuse "$want" "$text" "$transit" sample SDE $model "$@"
  absent "$out"
}

# Spelling and ranges.
refuse 2 "ODE or SDE" "$transit" sample
refuse 2 "did you mean 'SDE'" "$transit" sample SED
refuse 2 "--ckpt is missing" "$transit" sample ODE --out "$out"
ode 2 "did you mean --sampling-method" --sampling-methd euler
ode 2 "did you mean --rtol" --rt 1e-3
ode 2 "did you mean --class-labels" --labels 1
ode 2 "belongs to SDE" --diffusion-form sigma
ode 2 "belongs to SDE" --last-step Mean
sde 2 "belongs to ODE" --clock t
sde 2 "euler-maruyama has no error estimate of a step; these have one: sra1, shark, sosra" --rtol 1e-3
sde 2 "--atol without --rtol" --atol 1e-3 --sampling-method shark
sde 2 "use a number > 0" --atol 0 --rtol 1e-2 --sampling-method shark
sde 2 "belongs to ODE" --reverse
sde 2 "did you mean 'decreasing'" --diffusion-form decresing
sde 2 "did you mean 'Tweedie'" --last-step Twedie
ode 2 "did you mean 'dopri5'" --sampling-method dopri
ode 2 "euler has no first step: leave --first-step away" --sampling-method euler --first-step 0.2
ode 2 "Linear" --path-type Linaer
ode 2 "> 0 and < 1" --rtol 0
ode 2 "--max-order 9: cvode-bdf has the orders 1 to 5" --sampling-method cvode-bdf --max-order 9
ode 2 "the method dopri5 has no order to bound: leave --max-order away" --sampling-method dopri5 --max-order 3
ode 2 "twice" --rtol 1e-3 --rtol 1e-4
ode 2 "from 2 to 10000000" --num-sampling-steps 1
ode 2 "from 2 to 10000000" --num-sampling-steps 3000000000
ode 2 "not increasing" --cfg-interval 0.7,0.2
ode 2 "from 0 to 1" --save-times 0,2
ode 2 "use a whole number from 0 to 18446744073709551615" --seed -1
ode 2 "no device" --device gpu:0
ode 2 "f32" --dtype f16

ode 2 "did you mean 'cosine'" --time-grid cosin

# Settings that cannot work, and files that do not fit.
printf '0\n0.5\n1\n' >"$scratch/grid.txt"
printf '0\n0.7\n0.5\n1\n' >"$scratch/disorder.txt"
ode 2 "belong together" --sampling-method euler --time-grid list
ode 2 "belong together" --sampling-method euler --grid-file "$scratch/grid.txt"
ode 2 "has no parameter 'shift'" --sampling-method euler --time-grid cosine --grid-shift 2
ode 2 "has 3 points" --sampling-method euler --time-grid list --grid-file "$scratch/grid.txt" --num-sampling-steps 9
ode 2 "strictly monotone" --sampling-method euler --time-grid list --grid-file "$scratch/disorder.txt"
ode 2 "deis works in the angle" --sampling-method deis --clock t
sde 2 "unknown sde-method 'deis'" --sampling-method deis
sde 2 "'deis' is an ode-method" --sampling-method deis
sde 2 "'deis' is an ode-method" --sampling-method DEIS
sde 2 "--churn '-1' is not right" --sampling-method churn --churn -1
sde 2 "--churn-levels without --churn" --sampling-method churn --churn-levels 1,2
sde 2 "--churn-levels" --sampling-method churn --churn 4 --churn-levels 2,1
sde 2 "--churn-noise '0'" --sampling-method churn --churn 4 --churn-noise 0
sde 2 "'shark' is an sde-method" --sampling-method churn --ode-method shark
sde 2 "needs --restart-intervals" --sampling-method restart
sde 2 "two times an interval: 3 are given" --sampling-method restart --restart-intervals 0.1,0.2,0.3
sde 2 "use numbers from 0 to 1" --sampling-method restart --restart-intervals 0.5,1.5
sde 2 "this run goes from 0.1 to 0.9" --sampling-method restart --restart-intervals 0.05,0.5 --sample-eps 0.1
sde 2 "--restarts has 2 numbers for 1 intervals" --sampling-method restart --restart-intervals 0.1,0.5 --restarts 1,2
sde 2 "--noise holds a normal for every step" --sampling-method churn --noise "$scratch/narrow.npy"
sde 2 "this run from 0 to 0.96" --time-grid list --grid-file "$scratch/grid.txt"
ode 1 "absent.txt" --sampling-method euler --time-grid list --grid-file "$scratch/absent.txt"
ode 2 "--reverse" --reverse
ode 2 "--cfg-channels first3 needs 3 channels" --cfg-scale 2 --cfg-channels first3
sde 2 "--diffusion-table is not for" --diffusion-table "$scratch/none.txt"
ode 2 "out of range: the model has classes 0 to 9" --class-labels 11
ode 2 "3 entries for 2 samples" --class-labels 1,2,3
ode 1 "none.npy" --init "$scratch/none.npy"
npy "$scratch/narrow.npy" '<f4' '(2, 1, 8, 4)' 256
npy "$scratch/three.npy" '<f4' '(3, 1, 8, 8)' 768
npy "$scratch/whole.npy" '<i4' '(2, 1, 8, 8)' 512
npy "$scratch/nan.npy" '<f4' '(2, 1, 8, 8)' 512 '\377'
npy "$scratch/start.npy" '<f4' '(2, 1, 8, 8)' 512
npy "$scratch/cut.npy" '<f4' '(2, 1, 8, 8)' 500
ode 1 "the shape must be (2, 1, 8, 8)" --init "$scratch/narrow.npy"
ode 1 "the shape must be (2, 1, 8, 8)" --init "$scratch/three.npy"
ode 1 "float32 or float64" --init "$scratch/whole.npy"
ode 1 "must be finite" --init "$scratch/nan.npy"
ode 1 "cut.npy" --init "$scratch/cut.npy"
sde 1 "the shape must be (249, 2, 1, 8, 8)" --noise "$scratch/narrow.npy"
sde 2 "--noise holds the normals of numbered steps" --noise "$scratch/narrow.npy" --sampling-method shark --rtol 1e-2
sde 2 "Levy area" --noise "$scratch/narrow.npy" --sampling-method sra1
sde 2 "needs a table of t, D(t): give --diffusion-table FILE" --diffusion-form table
sde 2 "KL-eta needs its parameter eta: give --eta X or --form-param eta=X, and it needs a table of t, L_t (the loss of the velocity, which 'transit loss' measures): give --diffusion-table FILE" --diffusion-form KL-eta
sde 2 "KL-eta needs a table of t, L_t" --diffusion-form KL-eta --eta 1
times=$(seq 1 500 | awk '{ printf "%s%g", (NR > 1 ? "," : ""), $1 / 1000 }')
refuse 1 "out of memory: 117 TiB are needed for 1000000000 samples and their trajectories: lower --num-samples, or save fewer times" \
  "$transit" sample ODE --ckpt "$digits" --num-samples 1000000000 --save-times "$times" --out "$out"
ode 2 "save times go from 0 to 1" --save-times 0.5,0.25
ode 2 "save times go from 1 to 0" --save-times 0,1 --reverse --init "$scratch/start.npy"
ode 2 "from t = 0.999 to 0" --save-times 1 --reverse --init "$scratch/start.npy" --path-type VP --prediction noise
sde 2 "on to 1 in one step" --save-times 0.98
sde 2 "evaluates the drift at the end" --diffusion-form constant --sampling-method Heun --last-step None

# Checkpoints.
model="--num-heads 4 --num-samples 2 --out $out"
ode 2 "did you mean 'GVP'" --ckpt "$digits" --sample-path GPV
ode 1 "none.pt" --ckpt "$scratch/none.pt"
head -c 100000 "$digits" >"$scratch/cut.pt"
ode 1 "cut.pt" --ckpt "$scratch/cut.pt"
echo "no checkpoint" >"$scratch/text.pt"
ode 1 "text.pt" --ckpt "$scratch/text.pt"
cp "$digits" "$scratch/alone.pt"
model="--num-samples 2 --out $out"
ode 2 "give --num-heads" --ckpt "$scratch/alone.pt" --class-labels 0
ode 2 "heads" --ckpt "$digits" --num-heads 7
cp "$digits" "$scratch/damaged.pt"
printf '\377\377\377\377' | dd of="$scratch/damaged.pt" bs=1 seek=1000000 conv=notrunc 2>/dev/null
model="--num-heads 4 --num-samples 2 --out $out"
ode 1 "'$scratch/damaged.pt'" --ckpt "$scratch/damaged.pt"

# Sound archives with bad content: a weight that is NaN, and a pickle that calls a function.
if command -v python3 >/dev/null 2>&1; then
  check "make bad checkpoints" python3 - "$digits" "$scratch" <<'END'
import os, pickle, sys, zipfile

class Call:
    def __reduce__(self):
        return os.system, ("touch " + sys.argv[2] + "/called",)

def rewrite(name, change):
    with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2] + "/" + name, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, change(entry, old.read(entry)))

rewrite("nan.pt", lambda entry, data: data[:400] + b"\xff\xff\xff\xff" + data[404:] if "/data/36" in entry else data)
rewrite("call.pt", lambda entry, data: pickle.dumps(Call(), 2) if entry.endswith("data.pkl") else data)
END
  ode 1 "nan" --ckpt "$scratch/nan.pt"
  ode 1 "holds what posix.system would have made, and that is not called" --ckpt "$scratch/call.pt"
  absent "$scratch/called"
fi

# Places that cannot be written.
model="--ckpt $digits --num-samples 2"
: >"$scratch/file"
refuse 1 "cannot be made" "$transit" sample ODE $model --out "$scratch/file/out"
refuse 1 "there is a file of this name, give another --out" "$transit" sample ODE $model --out "$scratch/file"
ln -s "$scratch/nowhere" "$scratch/dangling"
for place in dangling dangling/below; do
  refuse 1 "folder '$scratch/dangling' cannot be made: it is a link to '$scratch/nowhere', which is not there" "$transit" sample ODE $model --out "$scratch/$place"
done
absent "$scratch/nowhere"
refuse 1 "cannot be" "$transit" sample ODE $model --out /proc/transit
equals "$(wc -c <"$scratch/file" | tr -d ' ')" 0 "size of a file in the way"

# A full disk, as which a limit on the size of files counts: nothing appears.
mkdir "$scratch/full"
(
  ulimit -f 1
  exec "$transit" sample ODE $model --sampling-method euler --num-sampling-steps 3 --out "$scratch/full"
) >"$scratch/stdout" 2>"$scratch/stderr"
equals $? 1 "status on a full disk"
equals "$(ls -A "$scratch/full")" "" "files left on a full disk"

# A first signal: nothing is left, the status is 130 or 143, and in a pipe nothing is said but that. The run would take an
# hour and more. A shell without job control starts its children with SIGINT ignored, which the program overrides.
endless="--num-sampling-steps 10000000"
stop_once() { # stop_once SIGNAL STATUS
  # shellcheck disable=SC2086
  "$transit" sample SDE $model $endless --out "$scratch/once/inner" 2>"$scratch/stderr" &
  pid=$!
  await $pid filled "$scratch/once/inner"
  stop $pid "$1" "$2"
  checks=$((checks + 1))
  grep -q "^transit sample: interrupted" "$scratch/stderr" || fail "no word of the interruption: $(cat "$scratch/stderr")"
  equals "$(wc -l <"$scratch/stderr" | tr -d ' ')" 1 "lines in a pipe after one $1"
  absent "$scratch/once"
}
stop_once INT 130
stop_once TERM 143
stop_once HUP 129
stop_once XCPU 152

# On a terminal the first says what a second one does, on a line of its own after the progress line; the second ends it at
# once, and nothing is left either. (Without a terminal: experiments.out_dir.)
if command -v python3 >/dev/null 2>&1; then
  for name in INT TERM HUP; do
    for times in once twice; do
      # shellcheck disable=SC2086
      check "SIG$name $times on a terminal" python3 "$here/checks/check_signals.py" $times $name \
        "$transit" sample SDE $model $endless --out "$scratch/terminal/inner"
      absent "$scratch/terminal"
    done
  done
fi
finish
