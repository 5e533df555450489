# transit sweep: what it writes, that it goes on after an interruption, and what it refuses.
. "$(dirname "$0")/common.sh"
out=$scratch/out
sweep="$transit sweep"
small="--target gmm:d=2,modes=3,std=0.2 --num-samples 16 --seeds 0:2"

# column FILE NAME: the fields of a column, messages aside.
column() {
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1"
}

# column_12: the evaluations of rows on stdin, each once.
column_12() {
  cut -d, -f12 | sort -u
}

# whole FILE: every row has all its columns and an end.
whole() {
  checks=$((checks + 1))
  awk -F, 'NR == 1 { n = NF } NF < n { bad = 1 } END { exit bad }' "$1" || fail "$1 has a short row"
  [ "$(tail -c 1 "$1" | od -An -c | tr -d ' ')" = '\n' ] || fail "$1 ends within a row"
}

# The rows without what the clock says.
timeless() {
  awk -F, 'BEGIN { OFS = "," } NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wall_seconds") at = i } { $at = ""; print }' "$1" | sort
}

# All is there, and says what ran; nothing on stderr in a pipe.
# shellcheck disable=SC2086
check "ODE and SDE" $sweep $small --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
says "wrote $out/a/results.csv (20 rows), manifest.json, table.md and 3 plots"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr in a pipe"
csv=$out/a/results.csv
present "$csv" "$out/a/manifest.json" "$out/a/table.md" "$out/a/work-precision-Linear.gp" "$out/a/work-precision-Linear.dat"
whole "$csv"
equals "$(wc -l <"$csv" | tr -d ' ')" 21 "rows and the header"
equals "$(column "$csv" status | sort -u)" ok "status of every run"
equals "$(column "$csv" nfe | awk '$1 < 8' | wc -l | tr -d ' ')" 0 "runs with too few evaluations"
equals "$(grep -c '^ODE,heun2,Linear,uniform,,,,,32,' "$csv")" 2 "runs of heun2 with 32 steps"
equals "$(awk -F, '$2 == "heun2" && $9 == 32 { print $12 }' "$csv" | sort -u)" 64 "evaluations of heun2 with 32 steps"
equals "$(awk -F, '$2 == "euler-maruyama" && $9 == 32 { print $12 }' "$csv" | sort -u)" 33 "32 steps and the last one"
checks=$((checks + 1))
# A tighter tolerance and a finer grid have the smaller error, by far.
awk -F, '{ sum[$2, $8 == "" ? $9 : $8] += $15 }
  END { exit !(sum["dopri5", "0.0001"] < sum["dopri5", "0.01"] / 5 && sum["heun2", 32] < sum["heun2", 8] / 5 && sum["heun2", 32] > 0) }' \
  "$csv" || fail "errors do not fall: $(cat "$csv")"
for word in "Evaluations needed" "Least error" "| ab2 |" "w(1/2)" "w = 2 D" "exact samples"; do
  checks=$((checks + 1))
  grep -qF -e "$word" "$out/a/table.md" || fail "table.md lacks '$word'"
done
if command -v python3 >/dev/null 2>&1; then
  check "manifest.json is JSON" python3 -m json.tool "$out/a/manifest.json"
  check "results.csv is CSV" python3 -c '
import csv, sys
rows = list(csv.reader(open(sys.argv[1])))
assert all(len(row) == len(rows[0]) for row in rows), rows' "$csv"
fi
if command -v gnuplot >/dev/null 2>&1; then
  present "$out/a/work-precision-Linear.png" "$out/a/covariance-Linear.png" "$out/a/sliced-w2-Linear.png"
fi

# Adaptive steps of an SDE stand beside its fixed grids.
# shellcheck disable=SC2086
check "adaptive SDE" $sweep $small --solvers shark,euler-maruyama --steps 8 --sde-rtol 1e-1,1e-2 --out "$out/adaptive"
equals "$(wc -l <"$out/adaptive/results.csv" | tr -d ' ')" 9 "rows of two grids and two tolerances"
equals "$(grep -c '^SDE,shark,Linear,,sigma,1,Mean,0.01,,' "$out/adaptive/results.csv")" 2 "runs of shark at 0.01"
checks=$((checks + 1))
grep -qF "| shark, adaptive |" "$out/adaptive/table.md" || fail "table.md lacks the adaptive runs"

# Noise around ODE methods: fixed and adaptive ones, with what each of them varies.
# shellcheck disable=SC2086
check "churn and restart" $sweep $small --solvers churn,churn+dopri5,restart+ab2,restart+cvode-adams --steps 6 --rtol 1e-1,1e-2 \
  --restart-intervals 0.3,0.7 --restart-steps 4 --diffusion-forms sigma,SBDM --out "$out/noised"
noised=$out/noised/results.csv
equals "$(column "$noised" status | sort -u)" ok "status of churn and restart"
equals "$(grep -c '^SDE,churn+heun2,Linear,uniform,sigma,1,,,6,' "$noised")" 2 "runs of churn around heun2"
equals "$(grep -c '^SDE,churn+dopri5,Linear,uniform,SBDM,1,,0.01,6,' "$noised")" 2 "runs of churn around dopri5"
equals "$(grep -c '^SDE,restart+cvode-adams,Linear,,,,,0.1,,' "$noised")" 2 "runs of restart around CVODE"
equals "$(grep '^SDE,restart+ab2,Linear,uniform,,,,,6,' "$noised" | column_12)" 11 "evaluations of restart around ab2"
equals "$(wc -l <"$noised" | tr -d ' ')" 19 "rows and the header"
# shellcheck disable=SC2086
check "EDM's churn" $sweep $small --solvers churn+euler --steps 6 --churn 4 --out "$out/edm"
equals "$(grep -c '^SDE,churn+euler,Linear,uniform,,,,,6,' "$out/edm/results.csv")" 2 "runs without a form"

# The clock is that of the ODE methods within, too; what nobody reads is said.
for clock in t angle; do
  # shellcheck disable=SC2086
  check "churn in $clock" $sweep $small --solvers churn+rk4-classical,restart+dopri5 --clock $clock --restart-intervals 0.2,0.6 --restart-steps 3 \
    --steps 3 --rtol 1e-2 --reference-rtol 1e-6 --last-step-size 0.1 --out "$out/clock-$clock"
  for name in restart-steps tight-rtol last-step-size; do warns "--$name has no effect"; done
done
checks=$((checks + 1))
[ "$(column "$out/clock-t/results.csv" sw2)" != "$(column "$out/clock-angle/results.csv" sw2)" ] || fail "--clock without effect in churn"
# shellcheck disable=SC2086
check "idle clock" $sweep $small --solvers shark --steps 3 --clock t --out "$out/idle-clock"
warns "--clock has no effect"

# The same again: every row is there, and nothing changes.
cp "$csv" "$scratch/before.csv"
# shellcheck disable=SC2086
check "again" $sweep $small --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a" --threads 1
says "20 of 20 rows are there already"
same "$csv" "$scratch/before.csv"

# Rows that are missing, and one that is torn, are made again, equal to the first ones.
head -c 1500 "$scratch/before.csv" >"$csv"
# shellcheck disable=SC2086
check "resume" $sweep $small --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
says "of 20 rows are there already"
whole "$csv"
timeless "$csv" >"$scratch/resumed"
timeless "$scratch/before.csv" >"$scratch/first"
same "$scratch/resumed" "$scratch/first"

# Another sweep's folder is refused and left alone, and so is one that holds results of something else.
cp "$csv" "$scratch/before.csv"
# shellcheck disable=SC2086
{
  refuse 2 "--solvers was" $sweep $small --solvers dopri5 --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
  refuse 2 "holds another sweep" $sweep --target gmm:d=2,modes=4,std=0.2 --num-samples 16 --seeds 0:2 \
    --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
  same "$csv" "$scratch/before.csv"
  mkdir -p "$out/other"
  echo "mine" >"$out/other/results.csv"
  refuse 2 "without a manifest.json" $sweep $small --solvers dopri5 --out "$out/other"
  equals "$(cat "$out/other/results.csv")" mine "a file of somebody else"
  rm "$out/other/results.csv"
  echo "{]" >"$out/other/manifest.json"
  refuse 1 "no manifest of a sweep" $sweep $small --solvers dopri5 --out "$out/other"
  equals "$(cat "$out/other/manifest.json")" "{]" "a manifest of somebody else"
  cp "$csv" "$scratch/changed.csv"
  sed 's/,dopri5,/,dopri6,/' "$scratch/changed.csv" >"$csv"
  refuse 1 "line " $sweep $small --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
  sed 's/,ok,/,good,/' "$scratch/changed.csv" >"$csv"
  refuse 1 "malformed" $sweep $small --solvers cvode-adams,dopri5,heun2,ab2,euler-maruyama --rtol 1e-2,1e-4 --steps 8,32 --out "$out/a"
}

# An interruption leaves whole rows. The run that it meets would take an hour, so it comes after the six before that one.
long="--target gmm:d=8,modes=6,std=0.3 --num-samples 512 --seeds 0:3 --solvers heun2,ab2 --reference-rtol 1e-6"
steps=20,40,60,80,100,120
lines() { # lines FILE N: it has N.
  [ "$(cat "$1" 2>/dev/null | wc -l)" -eq "$2" ]
}
# shellcheck disable=SC2086
$sweep $long --steps $steps,10000000 --out "$out/cut" >"$scratch/stdout" 2>"$scratch/stderr" &
run=$!
await $run lines "$out/cut/results.csv" 7
stop $run TERM 143
warns "interrupted: 6 of 42 rows are in $out/cut/results.csv"
absent "$out/cut/table.md"
whole "$out/cut/results.csv"
equals "$(wc -l <"$out/cut/results.csv" | tr -d ' ')" 7 "rows that an interruption left, and the header"

# A sweep without that run, given those rows, makes the others, and all are as if there had been no interruption.
# shellcheck disable=SC2086
{
  check "uninterrupted" $sweep $long --steps $steps --out "$out/uncut"
  timeless "$out/uncut/results.csv" >"$scratch/first"
  cp "$out/cut/results.csv" "$out/uncut/results.csv"
  check "completed" $sweep $long --steps $steps --out "$out/uncut"
}
says "6 of 36 rows are there already"
whole "$out/uncut/results.csv"
timeless "$out/uncut/results.csv" >"$scratch/resumed"
same "$scratch/resumed" "$scratch/first"

# Without gnuplot it succeeds and says so.
mkdir -p "$scratch/bin"
for tool in sh env; do ln -sf "$(command -v $tool)" "$scratch/bin/$tool"; done
# shellcheck disable=SC2086
check "no gnuplot" env PATH="$scratch/bin" $sweep $small --solvers heun2 --steps 4 --out "$out/bare"
says "gnuplot"
says "apt-get install gnuplot-nox"
present "$out/bare/work-precision-Linear.gp" "$out/bare/work-precision-Linear.dat" "$out/bare/table.md"
absent "$out/bare/work-precision-Linear.png"

# dopri5 alone has nobody to be compared with.
# shellcheck disable=SC2086
check "dopri5 alone" $sweep $small --solvers dopri5,euler-maruyama --rtol 1e-2 --steps 4 --out "$out/alone"
checks=$((checks + 1))
! grep -qF "over the evaluations of dopri5" "$out/alone/table.md" || fail "an empty table of ratios"

# One Gaussian: the closed form of the flow is what a fine solve finds on every path.
check "Gaussian" $sweep --target gaussian:d=2,mean=1/-2,std=0.3/2 --path-types Linear,GVP,VP --num-samples 4 --solvers dopri5 \
  --rtol 1e-10 --clock angle --out "$out/gauss"
checks=$((checks + 1))
awk -F, 'NR > 1 && !($15 < 1e-8) { exit 1 }' "$out/gauss/results.csv" || fail "errors: $(cat "$out/gauss/results.csv")"

# Forms, last steps, paths and grids multiply; a checkpoint is a target too.
check "forms and grids" $sweep --target gaussian:d=1 --num-samples 8 --path-types Linear,VP --solvers shark --steps 4 \
  --diffusion-forms sigma,SBDM,constant --diffusion-norms 0.5,1 --last-steps Mean,Tweedie,Euler --time-grids uniform,cosine --out "$out/forms"
says "(72 rows)"
printf '0\n0.1\n0.4\n1\n' >"$scratch/grid.txt"
check "grid of a file" $sweep --target gaussian:d=1 --num-samples 8 --solvers heun2,dopri5 --time-grids list,uniform --grid-file "$scratch/grid.txt" \
  --steps 5,6 --rtol 1e-2 --out "$out/list"
says "(4 rows)"
printf '0\n0.2\n0.4\n1\n' >"$scratch/grid.txt"
refuse 2 "what --grid-file holds differs" $sweep --target gaussian:d=1 --num-samples 8 --solvers heun2,dopri5 --time-grids list,uniform \
  --grid-file "$scratch/grid.txt" --steps 5,6 --rtol 1e-2 --out "$out/list"
printf '0 1\n1 0.5\n' >"$scratch/table.txt"
tabled="--target gaussian:d=1 --num-samples 8 --solvers shark --steps 4 --diffusion-forms table --diffusion-table $scratch/table.txt"
# shellcheck disable=SC2086
{
  check "form of a table" $sweep $tabled --out "$out/tabled"
  printf '0 1\n1 0.25\n' >"$scratch/table.txt"
  refuse 2 "what --diffusion-table holds differs" $sweep $tabled --out "$out/tabled"
}
check "checkpoint" $sweep --ckpt "$digits" --num-samples 2 --solvers heun2,cvode-adams --steps 4 --rtol 1e-2 \
  --reference-rtol 1e-3 --dtype f32 --cfg-scale 2 --out "$out/digits"
says "(2 rows)"
grep -q "$(sha256sum "$digits" | cut -d' ' -f1)" "$out/digits/manifest.json" || fail "no hash of the checkpoint"
equals "$(column "$out/digits/results.csv" status | sort -u)" ok "runs on the digits"
# A manifest from before its network had a kind is still the same sweep.
grep -q '"kind": "sit"' "$out/digits/manifest.json" || fail "no kind of the network"
sed -i '/"kind": "sit"/d' "$out/digits/manifest.json"
check "checkpoint again" $sweep --ckpt "$digits" --num-samples 2 --solvers heun2,cvode-adams --steps 4 --rtol 1e-2 \
  --reference-rtol 1e-3 --dtype f32 --cfg-scale 2 --out "$out/digits"
says "2 of 2 rows are there already"

# An SDE on a checkpoint is compared in law with samples of the reference; the same seeds give the same rows.
law="--ckpt $digits --num-samples 30 --class-labels 1 --solvers exponential-euler,ddim --steps 1,24 --seeds 0:3 --last-steps None"
# shellcheck disable=SC2086
check "SDE on a checkpoint" $sweep $law --tight-rtol 1e-3 --tight-sets 3 --out "$out/law"
csv=$out/law/results.csv
equals "$(column "$csv" status | sort -u)" ok "status of the runs on a checkpoint"
equals "$(column "$csv" sw2_floor | sort -u | wc -l | tr -d ' ')" 3 "a pair of sets for each seed"
equals "$(awk -F, '$1 == "SDE" && $15 != ""' "$csv" | wc -l | tr -d ' ')" 0 "SDE runs with a rms"
checks=$((checks + 1))
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  $1 == "SDE" { sum[$(at["steps"])] += $(at["cov_error"]); n += $(at["mean_noise"]) > 0 && $(at["cov_noise"]) > 0 && $(at["sw2"]) > 0 }
  END { exit !(n == 6 && sum[24] < sum[1] / 2) }' "$csv" || fail "errors in law: $(cat "$csv")"
for word in "against samples of the ODE, not of an exact target: 3 sets of 30 samples" "tight samples"; do
  checks=$((checks + 1))
  grep -qF -e "$word" "$out/law/table.md" || fail "table.md lacks '$word'"
done
head -c 900 "$csv" >"$scratch/part.csv"
timeless "$csv" >"$scratch/first"
cp "$scratch/part.csv" "$csv"
# shellcheck disable=SC2086
check "resumed on a checkpoint" $sweep $law --tight-rtol 1e-3 --tight-sets 3 --out "$out/law"
timeless "$csv" >"$scratch/resumed"
same "$scratch/resumed" "$scratch/first"

check "checkpoint along other paths" $sweep --ckpt "$digits" --num-samples 2 --solvers dopri5 --rtol 1e-4 \
  --reference-rtol 1e-7 --sample-paths Linear,GVP,VP --out "$out/along"
equals "$(column "$out/along/results.csv" path | tr '\n' ' ')" "Linear GVP VP " "paths of the rows"
equals "$(awk -F, 'NR > 1 { print ($16 < 2e-3) }' "$out/along/results.csv" | sort -u)" 1 "small errors along every path"

# A divergence is a row, not an end.
check "divergence" $sweep --target gaussian:d=1,std=0.0001 --num-samples 4 --solvers euler-maruyama --diffusion-forms constant \
  --diffusion-norms 1e9 --steps 100 --last-steps None --verbose --out "$out/wild"
warns "row 1 of 1: euler-maruyama, constant n = 1e+09, None, 100 steps, Linear, seed 0: diverged after 23 evaluations, "
says "(1 row), manifest.json"
equals "$(column "$out/wild/results.csv" status)" diverged "status"

# Mixtures from files.
printf '{"weights": [1, 2], "normalise": true, "means": [[0, 0], [3, 1]], "variances": [0.1, [0.2, 0.3]]}' >"$scratch/mix.json"
check "mixture of a file" $sweep --target "$scratch/mix.json" --num-samples 8 --solvers heun2 --steps 4 --out "$out/mix"
printf '{"weights": [1, 3], "normalise": true, "means": [[0, 0], [3, 1]], "variances": [0.1, [0.2, 0.3]]}' >"$scratch/mix.json"
refuse 2 "the target differs" $sweep --target "$scratch/mix.json" --num-samples 8 --solvers heun2 --steps 4 --out "$out/mix"

# A Gaussian with full covariance: its exact flow is the reference, so that tight solves come close to it.
printf '{"mean": [1, -2], "cov": [[2, 0.5], [0.5, 0.3]]}' >"$scratch/cov.json"
check "full covariance" $sweep --target "gaussian:$scratch/cov.json" --num-samples 64 --solvers dopri5,euler-maruyama --rtol 1e-9 --steps 200 \
  --path-types Linear,VP --out "$out/cov"
equals "$(column "$out/cov/results.csv" status | sort -u)" ok "runs on a full covariance"
equals "$(awk -F, '$2 == "dopri5" { print ($16 < 1e-7) }' "$out/cov/results.csv" | sort -u)" 1 "errors against the exact flow"

# bad_mixture TEXT JSON: refused before a folder is made.
bad_mixture() {
  printf '%s' "$2" >"$scratch/bad.json"
  refuse 1 "$1" $sweep --target "$scratch/bad.json" --solvers heun2 --out "$out/none"
}
bad_mixture "weights are positive" '{"weights": [1, -1], "means": [[0], [1]], "variances": [1, 1]}'
bad_mixture "variances are positive" '{"weights": [1], "means": [[0]], "variances": [0]}'
bad_mixture "mean 1 has 1 entries" '{"weights": [1, 1], "means": [[0, 1], [1]], "variances": [1, 1]}'
bad_mixture "(1, 0) of a symmetric matrix" '{"mean": [0, 0], "cov": [[1, 0.2], [0.3, 1]]}'
bad_mixture "the eigenvalue -1" '{"mean": [0, 0], "cov": [[1, 2], [2, 1]]}'
bad_mixture "row 1 has 1 entries" '{"mean": [0, 0], "cov": [[1, 2], [2]]}'
bad_mixture "line 1" '{"weights": [1, '
bad_mixture "variances is missing" '{"weights": [1], "means": [[0]]}'
refuse 1 "absent.json" $sweep --target "$scratch/absent.json" --solvers heun2 --out "$out/none"

# Unknown names, with the nearest right one; combinations that cannot work; all before anything is written.
# shellcheck disable=SC2086
{
  refuse 2 "did you mean 'dopri5'" $sweep $small --solvers heun2,dopri --out "$out/none"
  refuse 2 "did you mean 'shark'" $sweep $small --solvers sharc --out "$out/none"
  refuse 2 "'heun2' twice" $sweep $small --solvers heun2,heun --out "$out/none"
  refuse 2 "did you mean 'sigma'" $sweep $small --solvers shark --diffusion-forms sigm --out "$out/none"
  refuse 2 "did you mean 'Tweedie'" $sweep $small --solvers shark --last-steps tweedy --out "$out/none"
  refuse 2 "did you mean 'GVP'" $sweep $small --solvers shark --path-types GVQ --out "$out/none"
  refuse 2 "did you mean 'gmm" $sweep --target gmn:d=2 --solvers heun2 --out "$out/none"
  refuse 2 "no target" $sweep --solvers heun2 --out "$out/none"
  refuse 2 "two targets" $sweep $small --ckpt "$digits" --solvers heun2 --out "$out/none"
  refuse 2 "--tight-sets '1'" $sweep --ckpt "$digits" --solvers shark --tight-sets 1 --out "$out/none"
  refuse 2 "are for --ckpt" $sweep $small --cfg-scale 2 --solvers heun2 --out "$out/none"
  refuse 2 "--sample-paths are for --ckpt" $sweep $small --sample-paths GVP --solvers heun2 --out "$out/none"
  refuse 2 "did you mean 'GVP'" $sweep --ckpt "$digits" --sample-paths GPV --solvers heun2 --out "$out/none"
  refuse 2 "heun2 on Linear: " $sweep $small --solvers heun2 --prediction noise --clock t --out "$out/none"
  refuse 2 "table" $sweep $small --solvers shark --diffusion-forms table --out "$out/none"
  refuse 2 "belong together" $sweep $small --solvers heun2 --time-grids list --out "$out/none"
  refuse 2 "--seeds '4:4'" $sweep --target gaussian:d=1 --seeds 4:4 --solvers heun2 --out "$out/none"
  refuse 2 "--seeds has 3 twice" $sweep --target gaussian:d=1 --seeds 3,4,3 --solvers heun2 --out "$out/none"
  refuse 2 "churn needs one of ODEs" $sweep $small --solvers churn+shark --out "$out/none"
  refuse 2 "only churn and restart" $sweep $small --solvers shark+heun2 --out "$out/none"
  refuse 2 "'churn+' lacks a method beside its '+'" $sweep $small --solvers churn+ --out "$out/none"
  refuse 2 "needs --restart-intervals" $sweep $small --solvers restart --out "$out/none"
  refuse 2 "has 'churn+heun2' twice" $sweep $small --solvers churn,churn+heun2 --out "$out/none"
  refuse 2 "--churn-levels without --churn" $sweep $small --solvers churn --churn-levels 1,2 --out "$out/none"
  refuse 2 "--sde-rtol asks for adaptive steps" $sweep $small --solvers euler-maruyama --sde-rtol 1e-2 --out "$out/none"
  refuse 2 "--rtol has 0.1 twice" $sweep $small --solvers dopri5 --rtol 0.1,1e-1 --out "$out/none"
  refuse 2 "--solvers is missing" $sweep $small --out "$out/none"
}
absent "$out/none"
finish
