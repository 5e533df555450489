# transit tune-grid: what it writes, that the sweep finds the same errors, and what it refuses.
. "$(dirname "$0")/common.sh"
out=$scratch/out
tune="$transit tune-grid"
sharp="--target gmm:d=2,modes=8,std=0.05 --num-samples 64"
smooth="--target gmm:d=2,modes=8,std=0.5 --num-samples 64"

# field DIR GRID N: column N of the row of table.md whose grid begins so.
field() {
  awk -F' *[|] *' -v grid="$2" -v n="$3" 'index($2, grid) == 1 { print $(n + 1); exit }' "$1/table.md"
}

# written DIR N: the same of the grid that was written.
written() {
  awk -F' *[|] *' -v n="$2" '$2 ~ /\(written\)$/ { print $(n + 1); exit }' "$1/table.md"
}

# holds EXPRESSION WHAT: an awk expression is true.
holds() {
  checks=$((checks + 1))
  awk "BEGIN { exit !($1) }" || fail "$2: $1"
}

# swept DIR: rms over the seeds of the rms errors in results.csv.
swept() {
  awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rms") at = i; next } { s += $at * $at; n++ } END { printf "%.6g", sqrt(s / n) }' \
    "$1/results.csv"
}

# On sharp data a grid beats uniform, and 'sweep' finds the errors of the table, those of uniform too.
# shellcheck disable=SC2086
check "sharp" $tune $sharp --sampling-method ab2 --nfe 15 --out "$out/sharp"
says "chosen: "
says "wrote $out/sharp/grid.txt (16 times), table.md, run.json"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr in a pipe"
present "$out/sharp/grid.txt" "$out/sharp/table.md" "$out/sharp/run.json"
equals "$(grep -vc '^#' "$out/sharp/grid.txt")" 16 "times"
holds "$(written "$out/sharp" 3) < 0.5 * $(field "$out/sharp" uniform 3)" "sharp data: the grid beats uniform"
# shellcheck disable=SC2086
check "sweep of the file" $transit sweep $sharp --solvers ab2 --time-grids list --grid-file "$out/sharp/grid.txt" --seeds 2:6 \
  --reference-rtol 1e-9 --out "$out/sweep"
equals "$(swept "$out/sweep")" "$(written "$out/sharp" 3)" "the sweep's error with the file and the table's"
equals "$(cut -d, -f12 "$out/sweep/results.csv" | tail -n +2 | sort -u)" 15 "evaluations"
# shellcheck disable=SC2086
check "sweep of uniform" $transit sweep $sharp --solvers ab2 --steps 15 --seeds 2:6 --reference-rtol 1e-9 --out "$out/uniform"
equals "$(swept "$out/uniform")" "$(field "$out/sharp" uniform 3)" "the sweep's error on the uniform grid and the table's"

# A rival with another parameter: its row alone is another, and the sweep finds it.
# shellcheck disable=SC2086
{
  check "a parameter" $tune $sharp --sampling-method ab2 --nfe 15 --grid-param shift=2 --out "$out/shift"
  check "sweep of it" $transit sweep $sharp --solvers ab2 --steps 15 --time-grids shift --grid-param shift=2 --seeds 2:6 \
    --reference-rtol 1e-9 --out "$out/shifted"
}
equals "$(swept "$out/shifted")" "$(field "$out/shift" shift 3)" "the sweep's error with shift=2 and the table's"
equals "$(field "$out/shift" cosine 3)" "$(field "$out/sharp" cosine 3)" "the error of a grid without that parameter"
checks=$((checks + 1))
[ "$(field "$out/shift" shift 3)" != "$(field "$out/sharp" shift 3)" ] || fail "--grid-param shift=2 has no effect"
checks=$((checks + 1))
tr -d ' \n' <"$out/shift/run.json" | grep -qF '"grid-param":{"shift":2.0}' || fail "no --grid-param in run.json"

# Neighbouring steps of a tuned grid, in theta, differ by a factor of 2 at most.
checks=$((checks + 1))
grep -v '^#' "$out/sharp/grid.txt" | awk '
  { a = atan2($1, 1 - $1); if (NR > 1) { h = a - before; if (NR > 2 && (h > 2.0001 * last || last > 2.0001 * h)) bad = 1; last = h } before = a }
  END { exit bad }' || fail "steps jump: $(cat "$out/sharp/grid.txt")"

# On smooth data, and whatever the method, what is written is never worse than uniform on the seeds that judge.
for method in ab2 ab3 heun2 dpmpp-2m; do
  # shellcheck disable=SC2086
  check "smooth, $method" $tune $smooth --sampling-method $method --nfe 12 --path-type GVP --out "$out/$method"
  holds "$(written "$out/$method" 3) <= $(field "$out/$method" uniform 3)" "smooth data, $method"
done
# Heun takes two evaluations a step.
equals "$(number "$out/heun2/run.json" nfe) $(number "$out/heun2/run.json" n_steps)" "12 6" "evaluations and steps of heun2"
# A standard normal flows nowhere along GVP: every grid is exact, and uniform is what is written.
check "a field that is 0" $tune --target gaussian:d=2,mean=0,std=1 --num-samples 8 --nfe 6 --path-type GVP --out "$out/flat"
says "uniform is better: "
grep -v '^#' "$out/flat/grid.txt" >"$scratch/flat"
equals "$(sed -n 4p "$scratch/flat")" 0.5 "the middle of the uniform grid"

# A checkpoint: relative errors.
check "checkpoint" $tune --ckpt "$digits" --num-samples 2 --pilot-seeds 0:1 --seeds 1:3 --nfe 4 --reference-rtol 1e-4 \
  --dtype f32 --out "$out/digits"
present "$out/digits/grid.txt"
checks=$((checks + 1))
grep -qF "relative rms" "$out/digits/table.md" || fail "no relative errors in table.md"
grep -qF '"sha256"' "$out/digits/run.json" || fail "no hash in run.json"

# Refused, with nothing left behind.
# shellcheck disable=SC2086
{
  refuse 2 "unknown ode-method 'ab7'" $tune $sharp --sampling-method ab7 --nfe 15 --out "$out/no"
  refuse 2 "sra1 solves SDEs" $tune $sharp --sampling-method sra1 --nfe 15 --out "$out/no"
  refuse 2 "dopri5 is adaptive" $tune $sharp --sampling-method dopri5 --nfe 15 --out "$out/no"
  refuse 2 "--nfe 7 is too small: a step of rk4 takes 4" $tune $sharp --sampling-method rk4 --nfe 7 --out "$out/no"
  refuse 2 "--seeds and --pilot-seeds both have 3" $tune $sharp --nfe 15 --pilot-seeds 0:4 --seeds 3:6 --out "$out/no"
  refuse 2 "--seeds 5 is one seed" $tune $sharp --nfe 15 --seeds 5 --out "$out/no"
  refuse 2 "--pilot-seeds 'x' is not right" $tune $sharp --nfe 15 --pilot-seeds x --out "$out/no"
  refuse 2 "no target" $tune --nfe 15 --out "$out/no"
  refuse 2 "nfe" $tune $sharp --out "$out/no"
  refuse 2 "has a parameter 'shft': did you mean 'shift'?" $tune $sharp --nfe 15 --grid-param shft=2 --out "$out/no"
  refuse 2 "--grid-param: shift of shift is 0: use a finite number from" $tune $sharp --nfe 15 --grid-param shift=0 --out "$out/no"
  refuse 2 "--method-param: ab3 has no parameter 'order': it has none" $tune $sharp --nfe 15 --method-param order=2 --out "$out/no"
}
absent "$out/no"

# Ctrl-C leaves nothing. So many seeds would take hours.
# shellcheck disable=SC2086
$tune --target gmm:d=64,modes=10,std=0.05 --num-samples 4096 --nfe 50 --pilot-seeds 0:1000 --seeds 1000:3000 --out "$out/stopped" \
  >"$scratch/stdout" 2>"$scratch/stderr" &
run=$!
await $run filled "$out/stopped"
stop $run INT 130
warns "interrupted"
absent "$out/stopped"
finish
