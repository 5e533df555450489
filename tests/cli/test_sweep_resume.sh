# transit sweep on a checkpoint that goes on: tight solves are kept, what is left is said, what cannot work is skipped.
. "$(dirname "$0")/common.sh"
out=$scratch/out
csv=$out/results.csv
# shellcheck disable=SC2086
sweep() { # sweep OPTION...
  check "sweep" "$transit" sweep --ckpt "$digits" --num-samples 4 --class-labels 1 --solvers heun2,euler-maruyama --steps 4,8 --seeds 0:3 \
    --reference-rtol 1e-3 --reference-sets 2 --out "$out" "$@"
}

# The rows without what the clock says.
timeless() {
  awk -F, 'BEGIN { OFS = "," } NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wall_seconds") at = i } { $at = ""; print }' "$1" | sort
}

# again MADE TAKEN OPTION...: going on gives the first rows again, with so many tight solves made and taken from the folder.
again() {
  made=$1
  taken=$2
  shift 2
  sweep "$@"
  says "tight solves: $made made, $taken taken from the folder"
  timeless "$csv" >"$scratch/now"
  same "$scratch/now" "$scratch/first"
}

sweep
says "tight solves: 5 made, 0 taken from the folder"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr in a pipe"
timeless "$csv" >"$scratch/first"
cp "$csv" "$scratch/whole.csv"
equals "$(find "$out" -name 'tight-*.npz' | wc -l | tr -d ' ')" 5 "tight solves that are kept"
present "$out"/tight-Linear-seed-2-*.npz "$out"/tight-Linear-set-1-*.npz

# All rows are there: nothing is solved, nor looked at.
sweep
says "12 of 12 rows are there already"
equals "$(grep -c "tight solves" "$scratch/stdout")" 0 "tight solves of a sweep that is done"

# One row is missing: its solve and the law are taken from the folder, in no time.
head -n 12 "$scratch/whole.csv" >"$csv"
again 0 2
# Rows of a seed are missing, SDEs alone: they need the law, not the solve of their seed.
rm "$out"/tight-Linear-seed-2-*.npz
grep -v '^SDE.*,2,ok' "$scratch/whole.csv" >"$csv"
equals "$(wc -l <"$csv" | tr -d ' ')" 11 "rows that are left and the header"
again 0 2
# An ODE of that seed: its solve is made, and only that.
grep -v '^ODE.*,8,2,ok' "$scratch/whole.csv" >"$csv"
again 1 2
# A damaged file, and one of another shape, are made again.
for file in "$out"/tight-Linear-seed-0-*.npz; do
  head -c 200 "$file" >"$scratch/torn"
  cat "$scratch/torn" >"$file"
done
for file in "$out"/tight-Linear-set-0-*.npz; do
  cp "$(echo "$out"/tight-Linear-set-1-*.npz)" "$scratch/other.npz"
  printf 'PK' >"$file"
done
head -n 1 "$scratch/whole.csv" >"$csv"
again 2 3
warns "tight-Linear-seed-0-"
warns "is damaged and is made again"
# Solves of a forced sweep are not those of the one before it.
refuse 2 "--tight-rtol was" "$transit" sweep --ckpt "$digits" --num-samples 4 --class-labels 1 --solvers heun2,euler-maruyama --steps 4,8 \
  --seeds 0:3 --reference-rtol 1e-4 --reference-sets 2 --out "$out"
check "forced" "$transit" sweep --ckpt "$digits" --num-samples 4 --class-labels 1 --solvers heun2 --steps 4 --reference-rtol 1e-4 --out "$out" --force
says "tight solves: 1 made, 0 taken from the folder"
equals "$(find "$out" -name 'tight-*.npz' | wc -l | tr -d ' ')" 1 "tight solves that are kept"

# What they depend on: with other labels, guidance, samples, precision or path no file of before is taken.
one="--solvers heun2 --steps 4"
number_of=0
# shellcheck disable=SC2086
other() { # other OPTION...: another name than any before
  check "$*" "$transit" sweep --ckpt "$digits" $one --out "$scratch/other" "$@"
  for file in "$scratch"/other/tight-*.npz; do mv "$file" "$scratch/kept-$(basename "$file")"; done
  rm -rf "$scratch/other"
  number_of=$((number_of + 1))
  equals "$(find "$scratch" -maxdepth 1 -name 'kept-tight-*' | sed 's/.*-//' | sort -u | wc -l | tr -d ' ')" $number_of "hashes after $*"
}
other --num-samples 2 --class-labels 1 --reference-rtol 1e-3
other --num-samples 2 --class-labels 2 --reference-rtol 1e-3
other --num-samples 3 --class-labels 1 --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --cfg-scale 2 --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --cfg-scale 2 --cfg-interval 0,0.5 --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --dtype f32 --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --seeds 1 --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --sample-paths GVP --reference-rtol 1e-3
other --num-samples 2 --class-labels 1 --reference-rtol 1e-4

# A line for every row and every tight solve, when asked for; and it is no other sweep for that.
rm -rf "$out"
sweep --verbose
equals "$(grep -c '^transit sweep: row [0-9]* of 12: ' "$scratch/stderr")" 12 "lines of rows"
equals "$(grep -c '^transit sweep: tight solve [0-9] of 5: Linear, s' "$scratch/stderr")" 5 "lines of tight solves"
warns "row 1 of 12: heun2, 4 steps, Linear, seed 0: 8 evaluations, relative error "
warns "row 12 of 12: euler-maruyama, sigma n = 1, Mean, 8 steps, Linear, seed 2: 9 evaluations, sliced Wasserstein-2 distance "
head -n 11 "$csv" >"$scratch/part.csv"
cp "$scratch/part.csv" "$csv"
sweep
says "10 of 12 rows are there already"

# What cannot work is skipped and noted, whatever it is: of a method and a clock, a form without its table, or a path.
check "skipped" "$transit" sweep --target gmm:d=2,modes=3,std=0.2 --num-samples 8 --solvers heun2,ddim,shark --steps 1,4 --clock t \
  --diffusion-forms sigma,table --out "$scratch/skipped"
warns "warning: 4 of 8 runs cannot work and are skipped (table.md says why), such as ddim on Linear: ddim works in the angle"
says "(4 rows)"
equals "$(sed -n '/^Skipped, because they cannot work:/,$p' "$scratch/skipped/table.md" | grep -c '^- ')" 2 "notes in table.md"
for note in "- ddim: ddim works in the angle" "- shark, table n = 1, Mean: the diffusion form table needs a table"; do
  checks=$((checks + 1))
  grep -qF -e "$note" "$scratch/skipped/table.md" || fail "table.md lacks '$note'"
done
checks=$((checks + 1))
! grep -q '^| ddim' "$scratch/skipped/table.md" || fail "table.md has rows of what did not run"
if command -v python3 >/dev/null 2>&1; then
  check "tables" python3 "$here/checks/check_sweep.py" "$scratch/skipped" Linear
fi
check "again" "$transit" sweep --target gmm:d=2,modes=3,std=0.2 --num-samples 8 --solvers heun2,ddim,shark --steps 1,4 --clock t \
  --diffusion-forms sigma,table --out "$scratch/skipped"
says "4 of 4 rows are there already"
refuse 2 "ddim on Linear: ddim works in the angle" "$transit" sweep --target gaussian:d=2 --solvers ddim,dpmpp-2m --clock t --out "$scratch/none"
absent "$scratch/none"
finish
