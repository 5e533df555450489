# transit likelihood: bundled digits out of the box, parity with the reference, outputs, bad input.
. "$(dirname "$0")/common.sh"
images=$here/../../experiments/digits/digits.npz
goldens=$here/../data/goldens
out=$scratch/out
model="--force --ckpt $digits"
quick="--num 3 --probes 2 --rtol 1e-2"

# shellcheck disable=SC2086
likelihood() { # likelihood WHAT OPTION...
  what=$1
  shift
  check "$what" "$transit" likelihood $model "$@"
}
# shellcheck disable=SC2086
bad() { # bad STATUS TEXT OPTION...
  want=$1
  text=$2
  shift 2
  refuse "$want" "$text" "$transit" likelihood $model --out "$out" "$@"
  absent "$out"
}

# The bundled digits: every output, classes of the data, the same numbers again, probes that do not depend on the batch.
likelihood "bundled digits" --data "$images" $quick --check --save-score --out "$scratch/a"
says "input 2"
says "mean of 3: ln p"
says "offset 6.994353"
# The interval of two probes: Student's quantile with one degree of freedom, 12.706.
checks=$((checks + 1))
awk '/^input/ { n++; half = ($7 - $6) / 2; middle = ($7 + $6) / 2 - $4
    if (half < 12.70 * $5 - 0.01 || half > 12.71 * $5 + 0.01 || middle > 1e-3 || middle < -1e-3) bad = 1 }
  END { exit bad || n != 3 }' "$scratch/stdout" || fail "intervals: $(cat "$scratch/stdout")"
case $(number "$scratch/a/run.json" logp_se_student95) in 12.706*) ;; *) fail "logp_se_student95" ;; esac
says "dequantisation none"
says "check: both directions differ by at most"
equals "$(grep -c "along the two directions" "$scratch/stderr")" 1 "warnings at loose tolerances"
present "$scratch/a/likelihood.npz" "$scratch/a/run.json" "$scratch/a/histogram.dat" "$scratch/a/histogram.gp"
equals "$(number "$scratch/a/run.json" labels)" data "labels"
nfe=$(number "$scratch/a/run.json" nfe)
equals "$(number "$scratch/a/run.json" n_vjp)" $((2 * nfe)) "backward passes of two probes"
if command -v python3 >/dev/null 2>&1; then
  check "the numbers once more" python3 "$here/checks/check_likelihood.py" numbers "$scratch/a" "$images"
fi
likelihood "again" --data "$images" $quick --check --save-score --out "$scratch/b"
same "$scratch/a/likelihood.npz" "$scratch/b/likelihood.npz"
likelihood "another seed" --data "$images" $quick --seed 1 --out "$scratch/b"
differ "$scratch/a/likelihood.npz" "$scratch/b/likelihood.npz"
fixed="--data $images --num 3 --probes 2 --method rk4-classical --num-sampling-steps 8"
likelihood "one batch" $fixed --out "$scratch/a"
warns "--sampling-method rk4-classical walks a fixed grid: no error bar holds the solver's error in ln p"
likelihood "one input a batch" $fixed --batch-size 1 --out "$scratch/b"
same "$scratch/a/likelihood.npz" "$scratch/b/likelihood.npz"
check "the reference's spelling" "$transit" sample ODE --likelihood $model --init "$images" --num-samples 3 --probes 2 \
  --sampling-method rk4-classical --num-sampling-steps 8 --out "$scratch/c"
same "$scratch/a/likelihood.npz" "$scratch/c/likelihood.npz"
# unlike TEXT OPTION...: what sample has and a likelihood lacks is not called unknown.
# shellcheck disable=SC2086
unlike() {
  text=$1
  shift
  refuse 2 "$text" "$transit" sample ODE --likelihood $model --data "$images" --out "$out" "$@"
  absent "$out"
}
none="is an option of 'transit sample ODE' without --likelihood:"
unlike "transit sample: --reverse $none a likelihood goes from data to noise anyhow, leave it away, see 'transit likelihood --help'" --reverse
unlike "--reverse $none" --num=3 --reverse --no-such-option
unlike "--with-logp $none" --with-logp
unlike "--train-eps $none" --train-eps 0.1
unlike "--first-step $none a likelihood has none like it" --first-step 0.1
unlike "--save-times $none a likelihood has none like it" --save-times=0.5
unlike "--max-nfe $none" --max-nfe 7
unlike "--cfg-interval $none" --cfg-interval 0,1
unlike "--diffusion-form is an option of 'transit sample SDE': a likelihood follows the ODE" --diffusion-form=sigma
unlike "--churn is an option of 'transit sample SDE'" --churn 1
unlike "unknown option --rtoll: did you mean --rtol?" --rtoll 1
unlike "--method is another name of --sampling-method, which is given already: give one of them" --sampling-method=euler --method euler
unlike "--likelihood is given twice" --likelihood
# Every option of sample is either one of a likelihood too or refused by this rule.
for name in $("$transit" sample ODE --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'); do
  "$transit" sample ODE --likelihood "--$name" >"$scratch/stdout" 2>"$scratch/stderr"
  checks=$((checks + 1))
  grep -q "unknown option" "$scratch/stderr" && fail "--$name of sample: $(cat "$scratch/stderr")"
done
refuse 2 "belongs to ODE" "$transit" sample SDE --likelihood $model --out "$out"
refuse 2 "belongs to ODE" "$transit" sample SDE --recompute $model --out "$out"

# Activations computed again: the same numbers, less memory, and it is said where nothing is computed again.
likelihood "recompute" $fixed --recompute --out "$scratch/b"
says "MiB in arrays"
same "$scratch/a/likelihood.npz" "$scratch/b/likelihood.npz"
# Once an evaluation whatever the probes, twice with the two passes of hutch++; never counted as an evaluation.
repeats() { number "$1/run.json" recomputed_forwards_all_batches; }
equals "$(repeats "$scratch/a")" 0 "forwards repeated without --recompute"
equals "$(repeats "$scratch/b")" "$(number "$scratch/b/run.json" nfe_all_batches)" "forwards repeated for two probes"
equals "$(number "$scratch/b/run.json" nfe_all_batches)" "$(number "$scratch/a/run.json" nfe_all_batches)" "evaluations"
for trace in exact:1 hutch++:2; do
  likelihood "recompute, $trace" --data "$images" --num 3 --batch-size 2 --trace "${trace%:*}" --probes 2 --method euler \
    --num-sampling-steps 3 --check --recompute --out "$scratch/d"
  equals "$(repeats "$scratch/d")" $((${trace#*:} * $(number "$scratch/d/run.json" nfe_all_batches))) "forwards repeated, $trace"
done
grep -q '"recompute": true' "$scratch/b/run.json" || fail "recompute is not in the record"
less "$(number "$scratch/b/run.json" peak_array_mib)" "$(number "$scratch/a/run.json" peak_array_mib)" "memory of arrays"
less 1 "$(number "$scratch/a/run.json" peak_resident_mib)" "resident memory"

# The exact trace: a backward pass for each of 64 numbers, and no probes in the record.
recorded() { # recorded FILE OPTION: its value
  sed -n "s/^    \"$2\": \(.*[^,]\),\{0,1\}\$/\1/p" "$1"
}
grid="--num-sampling-steps 3 --method euler"
# shellcheck disable=SC2086
likelihood "exact trace" --data "$images" --num 2 --trace exact --probes 3 $grid --out "$scratch/b"
warns "--probes has no effect: the exact trace has no probes"
says "no probe error; the solver's is not in it (--check)"
equals "$(awk '/^input/ { print $5, $6, $7 }' "$scratch/stdout" | sort -u)" "- - -" "error and interval of the exact trace"
equals "$(number "$scratch/b/run.json" logp_se_student95)" null "Student's quantile of no probes"
equals "$(recorded "$scratch/b/run.json" probes)" null "probes of the exact trace"
holds() { # holds OUT TEXT: what the record says that the errors hold
  checks=$((checks + 1))
  case $(number "$scratch/$1/run.json" logp_se_is) in *"$2"*) ;; *) fail "no '$2' in logp_se_is of $1" ;; esac
}
holds a "the spread of the probes' estimates"
holds b "0: the exact trace"
equals "$(number "$scratch/b/run.json" n_vjp)" $((64 * $(number "$scratch/b/run.json" nfe))) "backward passes"
# shellcheck disable=SC2086
check "samples, exact trace" "$transit" sample ODE $model --num-samples 2 --with-logp --trace exact --num-sampling-steps 3 \
  --sampling-method euler --out "$scratch/b"
equals "$(recorded "$scratch/b/run.json" probes)" null "probes of the exact trace"
says "nats, no probe error; the solver's is not in it"
equals "$(recorded "$scratch/a/run.json" probes)" 2 "probes as given"

# hutch++ goes forward once, for a sketch, a basis and probes of two vectors each.
# shellcheck disable=SC2086
likelihood "hutch++" --data "$images" --num 2 --trace hutch++ --probes 2 $grid --out "$scratch/b"
equals "$(number "$scratch/b/run.json" n_vjp)" $((6 * $(number "$scratch/b/run.json" nfe))) "backward passes of hutch++"

likelihood "default tolerances" --data "$images" --num 1 --probes 1 --check --out "$scratch/b"
holds b "none: one probe"
equals "$(grep -c . "$scratch/stderr")" 0 "warnings of a check that holds"

# Two points of Euler: no probability is that large.
likelihood "impossible" --data "$images" --num 1 --probes 1 --method euler --num-sampling-steps 2 --check --out "$scratch/b"
equals "$(grep -c "1 of 1 images have less than 0 bits per dimension" "$scratch/stderr")" 1 "warnings of negative bits"

# An exponential method on a coarse grid: with --check its error is what is warned of.
likelihood "exponential" --data "$images" --num 1 --probes 1 --method unipc --num-sampling-steps 50 --check --out "$scratch/b"
says "check: both directions differ by at most"
equals "$(grep -c . "$scratch/stderr")" 1 "lines on stderr"
equals "$(grep -c "along the two directions differs by up to" "$scratch/stderr")" 1 "warnings of a check that fails"

# Time grids of fixed-grid methods: at few points another one gives another ln p, and both go to the adaptive value.
one="--data $images --num 1 --probes 1"
likelihood "tight" $one --rtol 1e-7 --atol 1e-9 --logp-tol 1e-4 --out "$scratch/b"
apart() { # apart A B: how far apart their first ln p are
  printf '%s %s\n' "$(values "$1/likelihood.npz" f8 | head -n 1)" "$(values "$2/likelihood.npz" f8 | head -n 1)" |
    awk '{ d = $1 - $2; print d < 0 ? -d : d }'
}
for grid in uniform cosine; do
  for n in 9 257; do
    likelihood "$grid, $n points" $one --method rk4-classical --time-grid $grid --num-sampling-steps $n --out "$scratch/$grid-$n"
    equals "$(recorded "$scratch/$grid-$n/run.json" time-grid)" "\"$grid\"" "time grid of the run"
  done
  less "$(apart "$scratch/$grid-257" "$scratch/b")" 0.1 "nats from the adaptive value on 257 points, $grid"
done
less 1 "$(apart "$scratch/cosine-9" "$scratch/uniform-9")" "nats between the grids of 9 points"
# A list serves in both directions, that of --check too; these are the uniform points.
printf '%s\n' 0 0.125 0.25 0.375 0.5 0.625 0.75 0.875 1 >"$scratch/up.txt"
sort -r "$scratch/up.txt" >"$scratch/down.txt"
for list in up down; do
  likelihood "points given" $one --method rk4-classical --time-grid list --grid-file "$scratch/$list.txt" --check --out "$scratch/d"
  same "$scratch/d/likelihood.npz" "$scratch/uniform-9/likelihood.npz"
done
equals "$(recorded "$scratch/d/run.json" num-sampling-steps)" 9 "points of the list"
grep -q '"grid_file": \[' "$scratch/d/run.json" || fail "the points given are not in the record"
check "the reference's spelling" "$transit" sample ODE --likelihood $model $one --sampling-method rk4-classical --time-grid cosine \
  --num-sampling-steps 9 --out "$scratch/d"
same "$scratch/d/likelihood.npz" "$scratch/cosine-9/likelihood.npz"
likelihood "an idle grid" $one --rtol 1e-1 --time-grid karras --grid-rho 5 --out "$scratch/d"
warns "--time-grid has no effect: the method chooses its own steps"
warns "--grid-rho has no effect: the method chooses its own steps"
bad 2 "did you mean 'cosine'" $one --method euler --time-grid cosin
bad 2 "belong together" $one --method euler --grid-file "$scratch/up.txt"
bad 2 "but $scratch/up.txt has 9 points: leave it away" $one --method euler --time-grid list --grid-file "$scratch/up.txt" --num-sampling-steps 5
bad 2 "shift" $one --method euler --time-grid cosine --grid-shift 2
bad 2 "this run from 0.9 to 0.1" $one --method euler --time-grid list --grid-file "$scratch/up.txt" --sample-eps 0.1

# Along another path than the model's: the same end points, and the same density.
along="--data $images --num 2 --probes 1 --rtol 1e-6 --atol 1e-8 --logp-tol 1e-4"
likelihood "along the model's path" $along --out "$scratch/b"
likelihood "along another one" $along --sample-path gvp --save-score --out "$scratch/c"
says "along GVP, which a model of Linear was transferred to"
equals "$(recorded "$scratch/b/run.json" sample-path)" '"Linear"' "path of the run"
equals "$(recorded "$scratch/c/run.json" sample-path)" '"GVP"' "path of the run"
close "$scratch/c/likelihood.npz" "$scratch/b/likelihood.npz" f8 1e-5
bad 2 "did you mean 'GVP'" --data "$images" --sample-path GPV

# Dequantisation.
likelihood "uniform" --data "$images" $quick --dequant uniform --dequant-samples 2 --out "$scratch/a"
# The bound of levels counts the width of their bins once: 7 bits more or less otherwise.
bits=$(sed -n 's/.* nats, \([0-9.-]*\) .*bits.dim (offset.*/\1/p' "$scratch/stdout")
less 2 "$bits" "bits per dimension of uniform dequantisation"
less "$bits" 6 "bits per dimension of uniform dequantisation"
says "a lower bound of ln P, mean over 2 draws"
holds a "the jackknife error of the bound over 2 draws"
likelihood "gaussian" --data "$images" $quick --dequant gaussian --out "$scratch/a"
holds a "none: one draw of the dequantisation"
equals "$(number "$scratch/a/run.json" t_noise)" 0.0 "where gaussian dequantisation ends"
says "bins wide, truncated to the bin, a lower bound of ln P"
equals "$(awk '/^input/ { print $5 }' "$scratch/stdout" | sort -u)" "-" "error of one draw: none"

# Its noise is that of the input, whatever the batch.
for kind in uniform gaussian; do
  likelihood "$kind, one batch" $fixed --dequant $kind --dequant-samples 2 --out "$scratch/c"
  likelihood "$kind, batches" $fixed --dequant $kind --dequant-samples 2 --batch-size 2 --out "$scratch/b"
  same "$scratch/c/likelihood.npz" "$scratch/b/likelihood.npz"
done

# Where it begins is an option of its own; --sample-eps is the noise end's.
likelihood "gaussian, wide" --data "$images" --num 1 --probes 1 --rtol 1e-1 --dequant gaussian --dequant-eps 0.02 --sample-eps 0.01 --out "$scratch/b"
warns "gaussian dequantisation 2.6 bins wide: the bound is that of a blurred model"
equals "$(number "$scratch/b/run.json" t_data)" 0.98 "where it begins"
equals "$(number "$scratch/b/run.json" t_noise)" 0.01 "where it ends"
equals "$(recorded "$scratch/b/run.json" dequant-eps)" 0.02 "the eps in the record"
for path in GVP VP; do
  likelihood "gaussian along $path" --data "$images" --num 1 --probes 1 --rtol 1e-1 --dequant gaussian --sample-path $path --out "$scratch/c"
  says "$(grep -o '[0-9.]* bins wide' "$scratch/a/run.json"), truncated"
  differ "$scratch/a/likelihood.npz" "$scratch/c/likelihood.npz"
done

# What --check reports and what a draw of a dequantisation is, from the latents forward with the other command.
forward() { # forward OUT OPTION...: samples with ln p from the latents of OUT, into $scratch/t
  from=$1
  shift
  unpack "$from/likelihood.npz" logp latent
  # shellcheck disable=SC2086
  check "from the latents of $from" "$transit" sample ODE $model --dtype f64 --init "$scratch/golden-latent.npy" --with-logp \
    --class-labels 0,1 "$@" --out "$scratch/t"
}
if command -v python3 >/dev/null 2>&1; then
  two="--data $images --num 2 --class-labels 0,1"
  loose="--probes 2 --rtol 1e-2"
  likelihood "both directions" $two $loose --check --out "$scratch/k"
  # shellcheck disable=SC2086
  forward "$scratch/k" $loose
  check "what --check reports" python3 "$here/checks/check_likelihood.py" check "$scratch/k" "$images" "$scratch/t"
  tight="--probes 1 --rtol 1e-6 --atol 1e-8 --logp-tol 1e-4"
  likelihood "one draw" $two $tight --dequant uniform --out "$scratch/k"
  # shellcheck disable=SC2086
  forward "$scratch/k" $tight
  check "a uniform draw" python3 "$here/checks/check_likelihood.py" uniform "$scratch/k" "$images" "$scratch/t"
  # Along VP, whose run begins at 0 whatever --sample-eps is: both commands cover the same times.
  likelihood "one draw" $two $tight --dequant gaussian --sample-path VP --dequant-eps 1e-4 --out "$scratch/k"
  # shellcheck disable=SC2086
  forward "$scratch/k" $tight --sample-path VP --sample-eps 1e-4
  check "a gaussian draw" python3 "$here/checks/check_likelihood.py" gaussian "$scratch/k" "$images" "$scratch/t"
fi

# Parity with the reference, its probe held.
if command -v python3 >/dev/null 2>&1; then
  unpack "$goldens/ode_GVP_velocity.npz" logp data probe
  check "likelihood of the reference's data" "$transit" likelihood --ckpt "$goldens/ema.pt" --num-heads 3 --path-type GVP \
    --data "$scratch/golden-data.npy" --probe "$scratch/golden-probe.npy" --class-labels "$(cat "$scratch/stdout")" \
    --rtol 1e-9 --atol 1e-9 --logp-tol 1e-6 --out "$scratch/golden"
  close "$scratch/golden/likelihood.npz" "$scratch/golden-logp.npz" f8 1e-6
fi

# Densities of samples in the same solve: the samples unchanged on a fixed grid, and the likelihood of the samples again.
grid="--num-samples 2 --dtype f64 --sampling-method rk4-classical --num-sampling-steps 20"
# shellcheck disable=SC2086
check "samples" "$transit" sample ODE $model $grid --out "$scratch/s"
# shellcheck disable=SC2086
check "samples with ln p" "$transit" sample ODE $model $grid --with-logp --probes 2 --out "$scratch/t"
says "ln p of the samples: mean"
says " +- "
says "(95 %: +- "
holds t "the spread of the probes' estimates"
close "$scratch/s/samples.npz" "$scratch/t/samples.npz" f8 1e-15
guided="$grid --cfg-scale 3"
# shellcheck disable=SC2086
check "guided samples with ln p" "$transit" sample ODE $model $guided --with-logp --probes 3 --out "$scratch/t"
nfe=$(number "$scratch/t/run.json" nfe)
equals "$nfe" "$(number "$scratch/s/run.json" nfe)" "forwards of guided samples with three probes and without"
equals "$(number "$scratch/t/run.json" n_vjp)" $((3 * nfe)) "backward passes of three probes"
# shellcheck disable=SC2086
check "without ln p" "$transit" sample ODE $model $guided --out "$scratch/u"
close "$scratch/u/samples.npz" "$scratch/t/samples.npz" f8 1e-15
# shellcheck disable=SC2086
check "samples with ln p, recomputed" "$transit" sample ODE $model $guided --with-logp --probes 3 --recompute --out "$scratch/u"
same "$scratch/t/samples.npz" "$scratch/u/samples.npz"
less "$(number "$scratch/u/run.json" peak_array_mib)" "$(number "$scratch/t/run.json" peak_array_mib)" "memory of arrays"
equals "$(repeats "$scratch/t")" 0 "forwards repeated without --recompute"
equals "$(repeats "$scratch/u")" "$(number "$scratch/u/run.json" nfe_all_batches)" "forwards repeated of guided samples"
# shellcheck disable=SC2086
check "samples, recomputed" "$transit" sample ODE $model $grid --recompute --out "$scratch/u"
warns "--recompute has no effect: the log-density needs --with-logp"
if command -v python3 >/dev/null 2>&1; then
  tight="--probes 1 --rtol 1e-6 --atol 1e-8 --logp-tol 1e-4"
  # shellcheck disable=SC2086
  check "samples with ln p, adaptive" "$transit" sample ODE $model $tight --dtype f64 --num-samples 2 --with-logp \
    --sampling-method dopri5 --out "$scratch/t"
  unpack "$scratch/t/samples.npz" logp latents
  likelihood "of the samples" --data "$scratch/golden-latents.npy" --class-labels 0,1 $tight --method dopri5 --out "$scratch/u"
  close "$scratch/u/likelihood.npz" "$scratch/golden-logp.npz" f8 1e-4
fi
# shellcheck disable=SC2086
refuse 2 "use transit likelihood" "$transit" sample ODE $model --reverse --init "$scratch/t/samples.npz" --with-logp --out "$out"

# Bad input: one line each, nothing written.
bad 2 "--data is missing"
bad 2 "SDE" --data "$images" --method euler-maruyama
bad 2 "works in the angle" --data "$images" --num 1 --method ddim --clock t
bad 2 "--sampling-method: unknown ode-method 'dopri': did you mean 'dopri5'" --data "$images" --method dopri
bad 2 "did you mean 'hutchinson'" --data "$images" --trace hutchison
bad 2 "guided" --data "$images" --cfg-scale 4
bad 2 "--dequant-samples 2 needs" --data "$images" --dequant-samples 2
bad 2 "--dequant-eps 0.001 needs --dequant gaussian" --data "$images" --dequant-eps 1e-3
bad 2 "--dequant-eps 0.001 needs --dequant gaussian" --data "$images" --dequant uniform --dequant-eps 1e-3
bad 2 "--dequant-eps '0' is not right" --data "$images" --dequant gaussian --dequant-eps 0
bad 2 "--dequant-eps '0.5' is not right" --data "$images" --dequant gaussian --dequant-eps 0.5
bad 1 "has neither 'images' nor 'latents'" --data "$digits"
bad 1 "none.npz': No such file" --data "$scratch/none.npz"
bad 1 "none': No such file" --data "$scratch/none"
npy "$scratch/empty.npy" '<f4' '(0, 1, 8, 8)' 0
bad 1 "there is no input in it" --data "$scratch/empty.npy"
bad 2 "--class-labels 11 is out of range" --data "$images" --class-labels 11
npy "$scratch/wide.npy" '<f4' '(1, 1, 9, 9)' 324
bad 1 "this model takes (N, 1, 8, 8)" --data "$scratch/wide.npy"
npy "$scratch/rgb.npy" '<f4' '(1, 3, 8, 8)' 768
bad 1 "this model takes (N, 1, 8, 8)" --data "$scratch/rgb.npy"
npy "$scratch/bytes.npy" '|u1' '(1, 1, 8, 8)' 64
bad 1 "float32 or float64" --data "$scratch/bytes.npy"
npy "$scratch/nan.npy" '<f4' '(1, 1, 8, 8)' 256 '\377'
bad 1 "no input can be used" --data "$scratch/nan.npy"
npy "$scratch/zero.npy" '<f4' '(1, 1, 8, 8)' 256
bad 2 "own space" --data "$scratch/zero.npy" --dequant uniform
bad 1 "the shape must be" --data "$scratch/zero.npy" --probe "$scratch/wide.npy"
bad 2 "is all zeros in probe 0 of input 0" --data "$scratch/zero.npy" --probe "$scratch/zero.npy"
npy "$scratch/nan-probe.npy" '<f4' '(1, 1, 8, 8)' 256 '\377'
bad 1 "every number must be finite" --data "$scratch/zero.npy" --probe "$scratch/nan-probe.npy"
bad 2 "--probe is for --trace hutchinson" --data "$scratch/zero.npy" --probe "$scratch/zero.npy" --trace hutch++

# An input that is not finite is named, the others are kept: 0 and NaN.
{
  npy "$scratch/two.npy" '<f4' '(2, 1, 8, 8)' 256
  head -c 256 /dev/zero | tr '\000' '\377' >>"$scratch/two.npy"
}
likelihood "one of two" --data "$scratch/two.npy" --probes 2 --rtol 1e-2 --out "$scratch/d"
warns "warning: input 1 is left out"
says "left out: 1 of 2"
says "mean of 1"
equals "$(values "$scratch/d/likelihood.npz" f8 | grep -ci nan)" 1 "likelihoods that are not there"

# So is one whose class the model lacks.
likelihood "a class too many" --data "$images" --num 3 --probes 1 --rtol 1e-1 --class-labels 1,77,3 --out "$scratch/d"
warns "warning: input 1 is left out: it has class 77 of --class-labels: the model has classes 0 to 9"
equals "$(grep -c . "$scratch/stderr")" 1 "lines on stderr"
says "mean of 2"
equals "$(values "$scratch/d/likelihood.npz" f8 | grep -ci nan)" 1 "likelihoods that are not there"
bad 1 "no input can be used: input 0 has class 77" --data "$images" --num 2 --class-labels 77,11
if command -v python3 >/dev/null 2>&1; then # a label of 2^40 in the data
  check "a far label" python3 - "$images" "$scratch/far.npz" <<'END'
import struct, sys, zipfile

with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
    for entry in old.namelist():
        data = old.read(entry)
        if entry == "labels.npy":
            n = 1797
            header = ("{'descr': '<i8', 'fortran_order': False, 'shape': (%d,), }" % n).ljust(117) + "\n"
            data = data[:8] + struct.pack("<H", 118) + header.encode() + struct.pack("<%dq" % n, *[2**40] + [1] * (n - 1))
        new.writestr(entry, data)
END
  bad 1 "no input can be used: input 0 has class 1099511627776 in 'labels' of '$scratch/far.npz': the model has classes 0 to 9" \
    --data "$scratch/far.npz" --num 1
fi
bad 2 "2 entries for 3 inputs" --data "$images" --num 3 --class-labels 77,11

# Everything that the network does is counted: solves, their check, the fields, and batches halved for the input at fault.
part() { # part NAME KEY: of the record's work
  sed -n "/^    \"$1\": {/,/}/s/^      \"$2\": \([0-9]*\),\{0,1\}\$/\1/p" "$scratch/e/run.json"
}
npy "$scratch/three.npy" '<f8' '(3, 4, 8, 8)' 2048
head -c 2048 /dev/zero | tr '\000' '\177' >>"$scratch/three.npy" # 1.4e306
head -c 2048 /dev/zero >>"$scratch/three.npy"
check "a density that is not finite" "$transit" likelihood --ckpt "$goldens/ema.pt" --num-heads 3 --data "$scratch/three.npy" \
  --method rk4-classical --num-sampling-steps 8 --probes 2 --check --save-score --out "$scratch/e"
warns "warning: input 1 is left out: it has an error: the log-density of input 1"
says "mean of 2"
nfe=$(number "$scratch/e/run.json" nfe)
equals "$(part solves nfe)" $((2 * nfe)) "forwards of two inputs, a batch each"
equals "$(part check nfe)" $((2 * nfe)) "forwards of the check"
equals "$(part save_score nfe)" 2 "forwards of the fields"
[ "$(part failed_batches nfe)" -ge 3 ] || fail "three batches failed in $(part failed_batches nfe) forwards"
for key in nfe n_vjp; do
  equals "$(number "$scratch/e/run.json" ${key}_all_batches)" \
    $(($(part solves $key) + $(part check $key) + $(part save_score $key) + $(part failed_batches $key))) "all of $key"
done
finish
