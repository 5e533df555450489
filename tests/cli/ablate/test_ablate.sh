# transit ablate: what it writes, that it goes on after an interruption, and what it refuses.
. "$(dirname "$0")/../common.sh"
out=$scratch/out
ablate="$transit ablate"
tiny="--paths Linear,GVP --predictions velocity,score --loss-weights none,likelihood --max-steps 150 --hidden 16 --depth 2 --global-batch-size 32 \
  --num-samples 60 --likelihood-samples 40 --sde-steps 20 --rtol 1e-2"
check_py() { # check_py WHAT ARGUMENT...: the rows, tables and files once more, where there is Python
  what=$1
  shift
  if command -v python3 >/dev/null 2>&1; then check "$what" python3 "$here/check_ablate.py" "$@"; fi
}

# All is there, and says what was trained: four combinations of velocity and weight are two trainings.
# shellcheck disable=SC2086
check "a tiny grid" $ablate $tiny --seeds 0:3 --out "$out/a"
says "18 trainings: 6 combinations, 3 seeds each"
says "8 combinations are 6 trainings a seed: a velocity's loss has weight 1"
says "(18 rows)"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr in a pipe"
present "$out/a/results.csv" "$out/a/table.md" "$out/a/manifest.json" "$out/a/errors.dat" "$out/a/errors.gp"
equals "$(wc -l <"$out/a/results.csv" | tr -d ' ')" 19 "rows and the header"
equals "$(cut -d, -f5 "$out/a/results.csv" | sort -u | tr '\n' ' ')" "ok status " "status of every training"
equals "$(find "$out/a/cells" -name model.safetensors | wc -l | tr -d ' ')" 18 "checkpoints"
equals "$(cut -d, -f1-4 "$out/a/results.csv" | sed -n '2p;5p;8p;11p;19p' | tr '\n' ' ')" \
  "Linear,velocity,any,0 Linear,score,none,0 Linear,score,likelihood,0 GVP,velocity,any,0 GVP,score,likelihood,2 " "rows in their order"
check_py "tables" "$out/a"
if command -v gnuplot >/dev/null 2>&1; then present "$out/a/errors.png"; fi
check "a checkpoint opens" "$transit" sample ODE --ckpt "$out/a/cells/GVP-score-likelihood-s2/model.safetensors" --num-samples 4 \
  --sampling-method heun2 --num-sampling-steps 4 --out "$scratch/drawn"
equals "$(sed -n 's/.*"prediction": "\(.*\)".*/\1/p; s/.*"path-type": "\(.*\)".*/\1/p' "$scratch/drawn/run.json" | sort | tr '\n' ' ')" "GVP score " "path and prediction"

# A last step that multiplies noise is said once a path.
check "a loud last step" $ablate --paths Linear,VP --predictions velocity,noise --loss-weights none --seeds 0:1 --max-steps 2 --hidden 8 --depth 1 \
  --global-batch-size 8 --num-samples 8 --likelihood-samples 4 --ode-method euler --ode-steps 3 --sde-steps 3 --diffusion-form constant --out "$out/loud"
warns "on Linear, the last step Mean multiplies the noise left at t = 0.96 by -25 (form constant at norm 1): use --last-step Tweedie, which"
warns "on VP, the last step Mean multiplies the noise left at t = 0.96 by"
equals "$(grep -c multiplies "$scratch/stderr")" 2 "warnings of last steps"

# The same again trains nothing; on one thread the bytes are the same.
cp -r "$out/a" "$scratch/first"
# shellcheck disable=SC2086
{
  check "again" $ablate $tiny --seeds 0:3 --out "$out/a"
  says "18 of 18 rows are there already"
  check "on one thread" $ablate $tiny --seeds 0:3 --threads 1 --out "$out/one"
}
same_results() { # same_results FOLDER: as those of the first
  for file in results.csv table.md errors.dat cells/Linear-score-none-s1/losses.csv cells/GVP-velocity-any-s2/model.safetensors; do
    if [ -e "$1/$file" ]; then same "$1/$file" "$scratch/first/$file"; else fail "$1/$file is missing"; fi
  done
  equals "$(cd "$1" && find . -type f ! -name manifest.json ! -name 'errors.*' | sort | xargs sha256sum)" \
    "$(cd "$scratch/first" && find . -type f ! -name manifest.json ! -name 'errors.*' | sort | xargs sha256sum)" "files of $1"
}
same_results "$out/a"
same_results "$out/one"

# Rows that are missing, one of them torn, and a folder that a kill left without a row: made again.
head -c 900 "$scratch/first/results.csv" >"$out/a/results.csv"
rm "$out/a/cells/GVP-score-none-s1/model.safetensors"
echo torn >"$out/a/cells/GVP-score-none-s1/model.safetensors.1-0.tmp"
echo half | tee "$out/a/table.md.1-0.tmp" "$out/a/errors.dat.1-0.tmp" "$out/a/errors.dat.mine.tmp" >"$scratch/half"
# shellcheck disable=SC2086
check "resume" $ablate $tiny --seeds 0:3 --out "$out/a"
says "of 18 rows are there already"
absent "$out/a/table.md.1-0.tmp" "$out/a/errors.dat.1-0.tmp"
present "$out/a/errors.dat.mine.tmp"
rm "$out/a/errors.dat.mine.tmp"
same_results "$out/a"

# Interrupted, and killed: whole rows stay, and the same command makes the rest, as if nothing had been.
rows() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }
long="--predictions velocity,score --loss-weights none --seeds 0:6 --max-steps 4000 --hidden 16 --depth 2 --global-batch-size 32 --num-samples 60 \
  --likelihood-samples 40 --rtol 1e-2"
# shellcheck disable=SC2086
{
  $ablate $long --paths Linear --sde-steps 20 --out "$out/cut" >"$scratch/stdout" 2>"$scratch/stderr" &
  run=$!
  await $run rows "$out/cut/results.csv" 3
  stop $run TERM 143
  warns "interrupted: "
  warns "trainings are in $out/cut, the same command completes them"
  absent "$out/cut/table.md"
  $ablate $long --paths Linear --sde-steps 20 --out "$out/cut" >"$scratch/stdout" 2>"$scratch/stderr" &
  run=$!
  await $run rows "$out/cut/results.csv" 6
  stop $run KILL 137
  cp "$out/cut/results.csv" "$scratch/cut.csv"
  refuse 2 'holds another ablation (--paths was ["Linear"], is ["GVP"]; --sde-steps was 20, is 21)' $ablate $long --paths GVP --sde-steps 21 --out "$out/cut"
  same "$scratch/cut.csv" "$out/cut/results.csv"
  check "the rest" $ablate $long --paths Linear --sde-steps 20 --out "$out/cut"
  says "of 12 rows are there already"
  check "uninterrupted" $ablate $long --paths Linear --sde-steps 20 --out "$out/uncut"
}
for file in results.csv table.md; do same "$out/cut/$file" "$out/uncut/$file"; done
equals "$(cd "$out/cut/cells" && find . -type f | sort | xargs sha256sum)" "$(cd "$out/uncut/cells" && find . -type f | sort | xargs sha256sum)" "cells"
check_py "tables of six seeds" "$out/cut"

# Another command's folder is refused, and --force takes all of it away, the cells too.
refuse 2 "holds results of 'transit ablate'" "$transit" sweep --target gaussian:d=1 --solvers heun2 --steps 2 --out "$out/cut"
check "forced" "$transit" sweep --target gaussian:d=1 --solvers heun2 --steps 2 --out "$out/cut" --force
absent "$out/cut/cells" "$out/cut/errors.dat"
# shellcheck disable=SC2086
refuse 2 "holds results of 'transit sweep'" $ablate $tiny --out "$out/cut"
mkdir -p "$out/strays/cells"
# shellcheck disable=SC2086
refuse 2 "holds 'cells' without a manifest.json" $ablate $tiny --out "$out/strays"

# One seed has no intervals, and that is said; what diverges is a row.
one="--paths Linear --predictions velocity --loss-weights none --seeds 5 --max-steps 40 --hidden 8 --depth 1 --num-samples 20 --likelihood-samples 10 --sde-steps 5"
# shellcheck disable=SC2086
{
  check "one seed" $ablate $one --out "$out/single"
  says "one seed: table.md has no intervals, and nothing tells the best"
  equals "$(grep -c "has no effect" "$scratch/stderr")" 0 "warnings of options without effect"
  check "options without effect" $ablate $one --ode-steps 3 --trace exact --probes 3 --last-step None --last-step-size 0.1 --out "$out/idle"
  for option in ode-steps probes last-step-size; do warns "--$option has no effect"; done
  check "a fixed grid" $ablate $one --ode-method euler --ode-steps 3 --rtol 1e-3 --out "$out/fixed"
  warns "--rtol has no effect: the ODE method walks a fixed grid"
  equals "$(grep -c "has no effect" "$scratch/stderr")" 1 "warnings of a fixed grid"
  grep -q "One seed: there are no intervals" "$out/single/table.md" || fail "table.md does not say that one seed has no intervals"
  check_py "one seed" "$out/single"
  check "in bf16" $ablate $one --dtype bf16 --rtol 0.1 --out "$out/bf16"
  check "in f64" $ablate $one --dtype f64 --out "$out/f64"
  check "divergence" $ablate $one --lr 1e30 --out "$out/wild"
}
loss_of() { sed -n 2p "$out/$1/results.csv" | cut -d, -f11; }
for type in bf16 f64; do
  checks=$((checks + 1))
  awk -v a="$(loss_of $type)" -v b="$(loss_of single)" 'BEGIN { d = a / b - 1; exit !(d != 0 && d < 0.02 && d > -0.02) }' || fail "loss in $type: $(loss_of $type), in f32 $(loss_of single)"
done
equals "$(sed -n 2p "$out/wild/results.csv" | cut -d, -f5)" diverged "status"
grep -q "^- Linear,velocity,any,5: diverged after 1 step: step 2: the loss is" "$out/wild/table.md" || fail "table.md: $(cat "$out/wild/table.md")"

# Every step has fresh samples of an exact target: those of one row differ by far, and a network that does not learn shows them.
# shellcheck disable=SC2086
check "fresh samples" $ablate --target gaussian:d=1,std=1000 $one --lr 0 --global-batch-size 1 --rtol 0.1 --out "$out/fresh"
equals "$(sed 1d "$out/fresh/cells/Linear-velocity-any-s5/losses.csv" | cut -d, -f2 | sort -g | awk 'NR == 10 { low = $1 } NR == 30 { print ($1 > 3 * low) }')" 1 \
  "losses of steps"
equals "$(sed 1d "$out/fresh/cells/Linear-velocity-any-s5/losses.csv" | wc -l | tr -d ' ')" 40 "points of a curve"

# Wrong usage, before anything is written.
# shellcheck disable=SC2086
{
  refuse 2 "did you mean 'GVP'" $ablate --paths Linear,GPV --out "$out/none"
  refuse 2 "did you mean 'score'" $ablate --predictions scores --out "$out/none"
  refuse 2 "did you mean 'likelihood'" $ablate --loss-weights likelyhood --out "$out/none"
  refuse 2 "--paths" $ablate --paths "" --out "$out/none"
  refuse 2 "--predictions" $ablate --predictions noise,noise --out "$out/none"
  refuse 2 "--seeds '4:4'" $ablate --seeds 4:4 --out "$out/none"
  refuse 2 "--seeds has 3 twice" $ablate --seeds 3,3 --out "$out/none"
  refuse 2 "two things to learn" $ablate --target gaussian:d=1 --data-path x.npz --out "$out/none"
  refuse 2 "--model is for --data-path" $ablate --model SiT-S/2 --out "$out/none"
  refuse 2 "--eval-path is for --data-path" $ablate --eval-path x.npz --out "$out/none"
  refuse 2 "unknown target 'circle'" $ablate --target circle --out "$out/none"
  refuse 2 "--max-steps N is missing" $ablate --data-path x.npz --eval-path y.npz --out "$out/none"
  refuse 1 "x.npz" $ablate --data-path x.npz --eval-path y.npz --max-steps 5 --out "$out/none"
  refuse 2 "--train-args: --global-seed is not for an ablation" $ablate "--train-args=--seed 3" --out "$out/none"
  refuse 2 "--train-args: --keep is not for an ablation" $ablate --train-args=--keep=3 --out "$out/none"
  refuse 2 "--train-args: unknown option --clip-gard: did you mean --clip-grad?" $ablate "--train-args=--clip-gard 1" --out "$out/none"
  refuse 2 "Linear, velocity: " $ablate --diffusion-form table --out "$out/none"
  refuse 2 "say --paths P1,P2" $ablate --path-type Linear --out "$out/none"
}
absent "$out/none"
finish
