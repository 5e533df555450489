# table.md and the plots of transit sweep, computed once more from results.csv (checks/check_sweep.py).
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }
out=$scratch/out
sweep="$transit sweep"

# again NAME PATH...: the tables of a sweep say what its rows do.
again() {
  name=$1
  shift
  for path; do check "tables of $name, $path" python3 "$here/checks/check_sweep.py" "$out/$name" "$path"; done
}

# Solvers that meet the budgets 5, 10, 20, 30, 50 and 100 exactly, on two paths.
check "budgets" $sweep --target gmm:d=2,modes=3,std=0.2 --num-samples 32 --seeds 0:4 --solvers euler,heun2,rk4-classical,dopri5 \
  --steps 5,25,50 --rtol 1e-2,1e-4 --time-grids uniform,cosine --path-types Linear,GVP --out "$out/budgets"
again budgets Linear GVP
# The cell of 5 steps of Euler under 5 evaluations, and of Heun's under 10.
within() { # within FILE SOLVER COLUMN
  awk -F' *[|] *' -v solver="$2" -v n="$3" '/^Least error/ { on = 1 } on && $2 == solver { print $n; exit }' "$1/table.md"
}
differs() {
  checks=$((checks + 1))
  [ "$1" != "$2" ] || fail "$3"
}
differs "$(within "$out/budgets" euler 3)" - "5 evaluations are within 5"
differs "$(within "$out/budgets" heun2 5)" - "10 evaluations are within 10"

# SDEs: bias of mean and covariance are freed of noise, in table and plot alike; their names are the table's.
check "SDE" $sweep --target gmm:d=2,modes=3,std=0.2 --num-samples 64 --seeds 0:8 --solvers euler-maruyama,shark,dopri5 --steps 4,32 \
  --sde-rtol 1e-1 --rtol 1e-3 --diffusion-forms sigma,constant --diffusion-norms 0.5,1 --last-steps Mean,Euler --out "$out/sde"
# A last step that multiplies noise is said once a form, norm and last step, with the options of this command, and in the table.
for norm in 0.5 1; do
  said="the last step Mean multiplies the noise left at t = 0.96 by -$(awk -v n=$norm 'BEGIN { print 25 * n }') (form constant at norm $norm): use"
  warns "warning: on Linear, $said --last-steps Tweedie, which multiplies it by 0, or --diffusion-norms 0.04"
  equals "$(grep -cF "$said" "$scratch/stderr")" 1 "warnings of the last step at norm $norm"
  for series in "euler-maruyama" "shark" "shark, adaptive"; do
    equals "$(grep -cF -e "- $series, constant n = $norm, Mean: $said" "$out/sde/table.md")" 1 "notes of $series at norm $norm"
  done
done
equals "$(grep -c 'multiplies the noise' "$scratch/stderr")" 2 "warnings of last steps"
equals "$(grep -c 'multiplies the noise' "$out/sde/table.md")" 6 "notes of last steps"
again sde Linear
check "SDE alone" $sweep --target gaussian:d=3,mean=1,std=0.5 --num-samples 64 --seeds 0:5 --solvers heun-additive,ddim --steps 4,64 \
  --out "$out/alone"
again alone Linear
checks=$((checks + 1))
grep -q 'set ylabel .bias of the covariance.' "$out/sde/covariance-Linear.gp" || fail "the plot's axis has another name than the table"

# On a checkpoint: relative errors, and the sets that the law is known by are not the same set twice.
check "checkpoint" $sweep --ckpt "$digits" --num-samples 8 --class-labels 3 --solvers euler-maruyama,heun2 --steps 4,8 --seeds 0:3 \
  --reference-rtol 1e-3 --reference-sets 2 --diffusion-norms 2 --sample-paths Linear,GVP --out "$out/digits"
warns "warning: on Linear, the last step Mean multiplies the noise left at t = 0.96 by -2 (form sigma at norm 2): use --last-steps Tweedie"
equals "$(grep -c 'multiplies the noise' "$scratch/stderr")" "$(grep -c 'multiplies the noise' "$out/digits/table.md")" "warnings and notes"
again digits Linear GVP

# Every row is what the command sample does with its seed, method, steps or tolerances, form and last step.
check "rows" $sweep --ckpt "$digits" --num-samples 5 --class-labels 3 --cfg-scale 2 --solvers heun2,dopri5,shark --steps 3,7 \
  --rtol 1e-2 --atol 1e-5 --time-grids cosine --diffusion-forms sigma,constant --diffusion-norms 0.5 --last-steps Mean,Euler \
  --last-step-size 0.1 --sample-paths GVP,Linear --seeds 3,14 --reference-rtol 1e-4 --reference-sets 2 --out "$out/rows"
says "(44 rows)"
again rows GVP Linear
check "rows by sample" python3 "$here/checks/check_sweep_runs.py" "$transit" "$digits" "$out/rows" "$scratch" --class-labels 3 --cfg-scale 2
finish
