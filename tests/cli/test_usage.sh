# Help, version, list, man, and wrong usage of the program as a whole.
. "$(dirname "$0")/common.sh"

check "overview" "$transit" --help
says "usage: transit COMMAND"
check "version" "$transit" --version
says "transit 0."
says "device cpu"
for versions in 'sundials [67]' 'products by \(libxsmm [0-9]\|portable\)'; do
  checks=$((checks + 1))
  grep -q "$versions" "$scratch/stdout" || fail "no '$versions' in the versions: $(cat "$scratch/stdout")"
done
# The GNU Scientific Library is under the GPL: neither the program nor what it links may need it.
says "gsl not linked"
if ldd "$transit" >"$scratch/stdout" 2>&1; then
  checks=$((checks + 1))
  grep -q gsl "$scratch/stdout" && fail "the program links GSL: $(cat "$scratch/stdout")"
fi
# Threads that wait give way, unless the user wants it otherwise.
check "without a policy" env -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=true "$transit" list
checks=$((checks + 1))
grep -q "OMP_WAIT_POLICY *= *'PASSIVE'" "$scratch/stderr" || fail "OpenMP is not told to wait passively: $(cat "$scratch/stderr")"
for command in sample field loss list inspect man; do
  check "help of $command" "$transit" "$command" --help
  says "usage: transit $command"
  check "overview names $command" sh -c "'$transit' --help | grep -q '^  $command '"
done

# The options that scripts rely on.
check "help of sample" "$transit" sample --help
for option in ckpt weights path-type prediction sampling-method num-sampling-steps rtol atol reverse diffusion-form \
  diffusion-norm last-step last-step-size train-eps sample-eps cfg-scale cfg-channels cfg-interval class-labels \
  num-samples batch-size seed num-heads init noise save-times max-nfe device dtype threads out; do
  says "  --$option"
done

# One name for one thing, and the names of SiT's code: taken, or answered with ours.
images=$here/../../experiments/digits/digits.npz
for command in sample likelihood loss train field sweep tune-grid; do
  check "help of $command" sh -c "'$transit' $command --help | tr -s '\\n ' ' '"
  case $command in
    sample | likelihood | loss) says "Also --global-seed" ;;
    train) says "Also --seed" ;;
  esac
  says "Also --sample-dir"
  checks=$((checks + 1))
  grep -qi "the reference" "$scratch/stdout" && fail "help of $command speaks of the reference"
done
for command in "sample ODE" "sample ODE --likelihood --data $images"; do
  rm -rf "$scratch/new" "$scratch/old"
  # shellcheck disable=SC2086
  {
    check "our names" "$transit" $command --ckpt "$digits" --seed 18446744073709551615 --num-samples 2 --batch-size 1 \
      --sampling-method euler --num-sampling-steps 3 --out "$scratch/new"
    check "SiT's names" "$transit" $command --ckpt "$digits" --global-seed 18446744073709551615 --num-fid-samples 2 \
      --per-proc-batch-size 1 --sampling-method euler --num-sampling-steps 3 --sample-dir "$scratch/old"
  }
  name=$(basename "$scratch"/new/*.npz)
  same "$scratch/new/$name" "$scratch/old/$name"
  grep -q '"seed": "18446744073709551615"' "$scratch/old/run.json" || fail "run.json has another seed: $(grep seed "$scratch/old/run.json")"
done
rm -rf "$scratch/old"
check "old names of a likelihood" "$transit" likelihood --ckpt "$digits" --seed 18446744073709551615 --data "$images" --num 2 \
  --batch-size 1 --method euler --num-sampling-steps 3 --out "$scratch/old"
same "$scratch/new/likelihood.npz" "$scratch/old/likelihood.npz"
grep -q '"num-samples": 2' "$scratch/old/run.json" || fail "run.json has no num-samples"
refuse 2 "use a whole number from 0 to 18446744073709551615" "$transit" sample ODE --ckpt "$digits" --seed 18446744073709551616
refuse 2 "is no option of 'transit sample': the checkpoint tells its network" "$transit" sample ODE --ckpt "$digits" --model SiT-XL/2
refuse 2 "say --dtype f32 or f64" "$transit" sample ODE --ckpt "$digits" --no-tf32
refuse 2 "say --num-sampling-steps N, the points of the grid" "$transit" sample ODE --ckpt "$digits" --steps 50
refuse 2 "say --steps N1,N2,..., the steps of a grid: its points are one more" "$transit" sweep --target gaussian:d=1 --num-sampling-steps 51
refuse 2 "say --solvers" "$transit" sweep --target gaussian:d=1 --sampling-method euler
for command in sweep tune-grid; do
  for option in seed global-seed; do
    refuse 2 "--$option is no option of 'transit $command': say --seeds A:B" "$transit" $command --target gaussian:d=1 --$option 3
  done
  for option in batch-size per-proc-batch-size num-fid-samples; do
    refuse 2 "--$option is no option of 'transit $command': say --num-samples N" "$transit" $command --target gaussian:d=1 --$option 3
  done
  refuse 2 "say --dtype tf32" "$transit" $command --target gaussian:d=1 --tf32
done
refuse 2 "say --nfe N" "$transit" tune-grid --target gaussian:d=1 --steps 10

# All that is missing in one line, and what would do.
refuse 2 "--ckpt and --data are missing: give --ckpt FILE --data FILE|DIR" "$transit" likelihood
refuse 2 "lacks d=, modes=: write it like gmm:d=2,modes=8,std=0.05" "$transit" sweep --solvers euler --target gmm:std=1
refuse 2 "lacks d=: write it like gaussian:d=2,mean=0,std=1" "$transit" sweep --solvers euler --target gaussian
refuse 2 "unknown key 'foo': it has d, mean, std" "$transit" sweep --solvers euler --target gaussian:d=1,foo=1
refuse 2 "use a number > 0" "$transit" sweep --solvers euler --target gaussian:d=1,std=-1

# A stream that is closed: the file opened next must not take its place.
"$transit" sweep --target gaussian:d=1 --solvers euler --steps 1 --num-samples 2 --out "$scratch/closed" >&- 2>"$scratch/stderr"
equals $? 1 "status without a standard output"
warns "standard output cannot be written"
equals "$(grep -c wrote "$scratch/closed/results.csv")" 0 "words to the terminal among the rows"
for stream in list "inspect $digits"; do
  # shellcheck disable=SC2086
  "$transit" $stream >/dev/full 2>"$scratch/stderr"
  equals $? 1 "status of '$stream' on a full disk"
  warns "standard output cannot be written"
done

refuse 2 "did you mean 'sample'" "$transit" smaple
refuse 2 "did you mean '--help'" "$transit" --hlp
refuse 2 "one argument too many" "$transit" --version now
refuse 2 "one argument too many" "$transit" help smaple
check "help sample" "$transit" help sample
says "usage: transit sample"
refuse 2 "unknown command 'zzzzzzzz'" "$transit" zzzzzzzz
"$transit" >"$scratch/stdout" 2>"$scratch/stderr"
equals $? 2 "no command at all"

check "list" "$transit" list
for name in Linear GVP VP velocity noise score cvode-adams cvode-bdf dopri5 bosh3 euler heun2 midpoint rk4 rk4-classical ab2 ab3 \
  euler-maruyama SBDM sigma linear constant decreasing increasing-decreasing None Mean Tweedie Euler; do
  checks=$((checks + 1))
  grep -q "^  $name " "$scratch/stdout" || fail "transit list does not name $name"
done
# The documentation measures every method that is registered: build/bench_orders > docs/orders.md
for kind in ode-method sde-method; do
  check "list of $kind" "$transit" list $kind
  for name in $(sed -n 's/^  \([^ ]*\) .*/\1/p' "$scratch/stdout"); do
    checks=$((checks + 1))
    grep -q "^| \`$name\`" "$here/../../docs/orders.md" || fail "docs/orders.md lacks $name: make it again with build/bench_orders"
  done
done
check "list of one kind" "$transit" list interpolant
says "Linear"
refuse 2 "did you mean 'interpolant'" "$transit" list interpolants
refuse 2 "one argument too many" "$transit" list interpolant GVP
if command -v python3 >/dev/null 2>&1; then
  check "list as JSON" sh -c "'$transit' list --json | python3 -m json.tool"
fi

check "man page" "$transit" man
says ".TH TRANSIT 1"
says "cfg\\-interval"
"$transit" man >"$scratch/transit.1"
if command -v groff >/dev/null 2>&1; then
  check "man page renders" groff -man -Tascii -ww "$scratch/transit.1"
  equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "complaints of groff"
fi
for part in FILES EXAMPLES "EXIT STATUS"; do
  equals "$(grep -c "^.SH $part\$" "$scratch/transit.1")" 1 "sections $part"
done
equals "$(sed -n '/transit sample ODE|SDE/,/^.SS "transit likelihood/s/^.B "\(.*\)"$/\1/p' "$scratch/transit.1" | head -n 3 | tr '\n' ';')" \
  "Model;What to draw;Solver;" "groups of options"
grep -q '^130, 143\|130, 143' "$scratch/transit.1" || fail "no exit status 143"

# The examples run as they stand, in a folder that holds what the source brings along.
mkdir -p "$scratch/source"
ln -sf "$here/../../experiments" "$scratch/source/experiments"
ln -sf "$(cd "$(dirname "$transit")" && pwd)/$(basename "$transit")" "$scratch/source/transit"
sed -n '/^.SH EXAMPLES/,/^.SH EXIT/s/^transit /.\/transit /p' "$scratch/transit.1" | tr -d '\\' >"$scratch/examples"
while read -r example; do
  check "example: $example" sh -c "cd '$scratch/source' && $example"
done <"$scratch/examples"
equals "$(wc -l <"$scratch/examples" | tr -d ' ')" 8 "examples"
finish
