#!/bin/sh
# Proves and measures the CUDA backend on the GPU of this machine, in one go and within minutes, and writes a report. It goes
# on after a failure, and each step has its time.
# usage: sh gpu.sh [--device NAME] [--minutes N] [--out FILE] [--quick] [FOLDER]
#   --device   cuda:0; emulated:0 of a build with TRANSIT_SIMT
#   --minutes  what it may take, 8
#   --out      the report, gpu-report.md; all that was said goes to FILE.log, and how cuBLASLt multiplied to FILE.products
#   --quick    a few tests and tiny networks: to try this script
#   FOLDER     what `cmake --build build --target gpu-bundle` made (the folder of this script, where it is that), or a build
# Status 1: something failed, see the report. It needs a shell, awk, timeout and xargs; compute-sanitizer and python3 with
# torch are used where they are.
set -u

device=cuda:0 minutes=8 out=gpu-report.md quick=
usage() {
  sed -n '/^# usage/,/^set/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
  --device | --minutes | --out) [ $# -gt 1 ] || usage ;;
  esac
  case $1 in
  --device) device=$2; shift ;;
  --minutes) minutes=$2; shift ;;
  --out) out=$2; shift ;;
  --quick) quick=1 ;;
  -*) usage ;;
  *) folder=$1 ;;
  esac
  shift
done
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
[ -x "$here/bin/gpu_tests" ] && : "${folder:=$here}"
folder=$(CDPATH='' cd -- "${folder-$here/../build}" 2>/dev/null && pwd) || { echo "gpu.sh: there is no build in ${folder-$here/../build}" >&2; exit 2; }
case $out in /*) ;; *) out=$PWD/$out ;; esac
log=$out.log
: >"$log"
: >"$out" || exit 2
scratch=$(mktemp -d)
: >"$scratch/failures"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
begin=$(date +%s)

# ---- programs ----

if [ -x "$folder/bin/gpu_tests" ]; then
  transit=$folder/bin/transit
  program() { printf '%s %s' "$folder/bin/gpu_tests" "$1"; }
  all_tests=$("$folder/bin/gpu_tests" --list | grep '^test_')
  torch=$folder/torch_sit.py
  digits=$folder/digits/digits-ema.pt
  cd "$folder" || exit 2 # the data of the tests is here
else
  transit=$folder/transit
  program() { case $1 in bench_*) printf '%s' "$folder/$1" ;; *) printf '%s' "$folder/tests/$1" ;; esac; }
  root=$(CDPATH='' cd -- "$here/.." && pwd)
  all_tests=$(cd "$folder/tests" && ls | grep '^test_' | while read -r name; do
    stem=${name#test_*_}
    grep -qE 'TR_TEST_(RESOURCES|DEVICE)' $(find "$root/tests" -name "test_$stem.c") 2>/dev/null && echo "$name"
  done)
  torch=$root/tests/gpu/torch_sit.py
  digits=$root/experiments/digits/digits-ema.pt
fi
[ -x "$transit" ] || { echo "gpu.sh: there is no program in $folder" >&2; exit 2; }

# NVIDIA's libraries, where they came as Python's packages.
wheels=$(python3 -c 'import os, sys; print(":".join(d for d in sys.path if d and os.path.isdir(d + "/nvidia")))' 2>/dev/null)
[ -z "$wheels" ] || export TRANSIT_CUDA_LIBRARIES="${TRANSIT_CUDA_LIBRARIES-}${TRANSIT_CUDA_LIBRARIES:+:}$wheels"

# ---- the report ----

# A line each.
say() { printf '%s\n' "$@" >>"$out"; }
part() {
  say "" "## $1"
  say ""
  echo "== $1 ($(($(date +%s) - begin)) s)"
}
# Seconds that are left of those asked for, and at least 1. What is measured comes last, and has `kept` seconds of its own, so
# that slow tests do not take its time.
kept=0
left() { now=$((begin + 60 * minutes - kept - $(date +%s))); [ "$now" -gt 1 ] || now=1; [ "$now" -lt "$1" ] && echo "$now" || echo "$1"; }
# Text as it stands.
quote() {
  say '```'
  cat >>"$out"
  say '```'
}
# failed WHAT: what was said is on standard input.
failed() {
  echo >>"$scratch/failures" # a count that those behind a pipe share
  say "" "**$1**" ""
  quote
}
# run SECONDS NAME COMMAND...: what it says is in $scratch/said and the log; a failure is told.
run() {
  limit=$(left "$1") name=$2
  shift 2
  echo "== $name: $*" >>"$log"
  timeout -k 5 "$limit" "$@" >"$scratch/said" 2>&1
  status=$?
  cat "$scratch/said" >>"$log"
  case $status in
  0) return 0 ;;
  124 | 137) head -n 12 "$scratch/said" | failed "$name: not done within $limit s" ;;
  *) head -n 12 "$scratch/said" | failed "$name: status $status" ;;
  esac
  return 1
}
# Columns separated by tabs as a table.
table() {
  awk -F '\t' '{ gsub(/\|/, "/"); line = "|"; for (i = 1; i <= NF; i++) line = line " " $i " |"; print line }
    NR == 1 { line = "|"; for (i = 1; i <= NF; i++) line = line "---|"; print line }' >>"$out"
}

# ---- many tests side by side ----

# each SECONDS TOOL NAME...: runs every test, some at a time, under TOOL (may be empty), in at most so many seconds in all;
# says which failed.
each() {
  limit=$(left "$1") tool=$2
  shift 2
  [ $# -gt 0 ] || { echo "no test has one of these names" | failed "nothing was run"; return; }
  rm -rf "$scratch/each"
  mkdir "$scratch/each"
  # Each ends by itself when the time is over: what outlived its parents would disturb what is measured next.
  for name; do echo "$name $(program "$name")"; done |
    timeout -k 5 $((limit + 15)) xargs -P "$jobs" -L 1 sh -c '
      scratch=$1 device=$2 most=$3 end=$4 tool=$5 name=$6
      shift 6
      from=$(date +%s.%N) left=$((end - $(date +%s)))
      [ "$left" -gt 0 ] || exit 0
      [ "$left" -lt "$most" ] || left=$most
      timeout -k 5 "$left" $tool "$@" "$device" >"$scratch/$name.said" 2>&1
      status=$?
      case $status in 124 | 137) [ "$left" -eq "$most" ] || exit 0 ;; esac
      echo "$status $from $(date +%s.%N)" >"$scratch/$name.done"' sh "$scratch/each" "$device" "$most" $((limit + $(date +%s))) "$tool"
  good=0 bad=0 missing=
  for name; do
    { echo "== $tool $name: $(awk '{ printf "status %s, %.1f s", $1, $3 - $2 }' "$scratch/each/$name.done" 2>/dev/null)"
      cat "$scratch/each/$name.said"; } >>"$log" 2>/dev/null
    if [ ! -f "$scratch/each/$name.done" ]; then
      missing="$missing $name"
    elif [ "$(cut -d ' ' -f 1 "$scratch/each/$name.done")" = 0 ]; then
      good=$((good + 1))
    else
      bad=$((bad + 1))
    fi
  done
  say "$good of $# pass${tool:+ under \`$tool\`}."
  [ -z "$missing" ] || echo "$missing" | failed "not done within $limit s"
  for name; do
    status=$(cut -d ' ' -f 1 "$scratch/each/$name.done" 2>/dev/null) || continue
    [ "$status" = 0 ] || grep -v '^$' "$scratch/each/$name.said" | head -n 12 | failed "$name: status $status"
  done
}
# those [-v] PATTERN: the tests whose name fits, or does not.
those() { printf '%s\n' $all_tests | grep -E "$@"; }

cores=$(getconf _NPROCESSORS_ONLN) jobs=6
[ "$jobs" -lt "$cores" ] || jobs=$cores
export OMP_NUM_THREADS=$(((cores + jobs - 1) / jobs)) OMP_WAIT_POLICY=passive
most=60

# ---- 1: the device, and every operation ----

[ -n "$quick" ] || kept=$((36 * minutes)) # 288 s of 8 minutes
say "# Report of a device" "" "$(date -u '+%Y-%m-%d %H:%M UTC'), \`--device $device\`, $("$transit" --version 2>/dev/null | head -n 1)."
part "Device, driver, libraries"
run 30 "transit --version" "$transit" --version && grep -E '^(device|compiler)' "$scratch/said" | cut -c 1-300 | quote
if command -v nvidia-smi >/dev/null 2>&1; then
  run 20 nvidia-smi nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem,power.limit,compute_mode --format=csv && quote <"$scratch/said"
fi
say "NVIDIA's libraries among Python's packages: ${wheels:-none}."
case $quick in '') sampled=16 ;; *) sampled=1 ;; esac
for dtype in f32 bf16; do
  set -- "$transit" sample ODE --ckpt "$digits" --num-samples $sampled --sampling-method heun2 --num-sampling-steps 3 --cfg-scale 2 \
    --device "$device" --dtype $dtype --out "$scratch/sample-$dtype"
  if run 60 "a sample in $dtype" "$@"; then
    tail -n 4 "$scratch/said" | quote
  else
    run 60 "the same, operation by operation, and what cuBLASLt says" env TRANSIT_CUDA_SYNC=1 CUBLASLT_LOG_LEVEL=1 "$@" --force
  fi
done

part "Conformance: every test that runs on a device, in each element type"
case $quick in
'') conformance=$(those -v '^test_parity_|_nn_rows$') ;;
*) conformance=$(those '^test_core_(array|program)$') ;;
esac
each 110 "" $conformance

# ---- 2 to 4 ----

part "Bits at batch 1, 3 and 64; products"
case $quick in '') each 40 "" $(those '^test_core_nn_(rows|linear|product|weight|fused|conv2d)') ;; *) each 20 "" $(those '^test_core_nn_table$') ;; esac

part "Parity with the goldens"
[ -n "$quick" ] || each 60 "" $(those '^test_parity_')

part "Memory and races"
sanitizer=$(command -v compute-sanitizer || ls -d /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1)
checks="$sanitizer --target-processes application-only --report-api-errors no --error-exitcode 9"
if [ -z "$sanitizer" ]; then
  say "There is no compute-sanitizer."
else
  # Calls that fail are part of the tests. For memcheck each array is an allocation of its own, so that its end is seen. What
  # NVIDIA's kernels do in shared memory is theirs.
  run 30 "compute-sanitizer" "$sanitizer" --version && grep -i '^version' "$scratch/said" | quote
  checked=$(those '^test_core_(vec|program|array|nn|nn_attention|nn_backward|nn_gradient|nn_pictures|nn_conv2d_fused)$')
  most=45
  # shellcheck disable=SC2046,SC2086
  if run 45 "memcheck of one test" $checks $(program test_core_array) "$device"; then
    export TRANSIT_CUDA_ARENA=0
    each 50 "$checks --tool memcheck" $checked
    unset TRANSIT_CUDA_ARENA
    each 50 "$checks --tool racecheck --kernel-name-exclude regex=nvjet|cutlass|cublas|xmma|gemm" $checked
  fi
  say "" "Before version 2026.4 memcheck may take copies of no bytes (cp.async of zeros) past the last row of an array for reads."
fi

# ---- 5: solvers, 6: speed ----

[ -n "$quick" ] || kept=$((24 * minutes))
export OMP_NUM_THREADS=$cores
# Networks: for solvers the small one at two batches and the large one, for speed the large one.
small="--model S/2" large="--model XL/2" few=1 more=16 batches=1,32,128 training=64 tokens="--batch 32,128"
solve="--dtype bf16 --runs 3 --steps 20" often="--seconds 2 --runs 3" seconds=2
[ -z "$quick" ] || {
  small="--model S/8 --side 8" large=$small few=1 batches=1,2 training=2 tokens="--batch 1 --width 32 --tokens 16 --calls 1 --rounds 1"
  solve="--dtype bf16 --runs 1 --steps 3" often="--seconds 0 --runs 1"
}
bench() { # bench SECONDS NAME OPTION...: its rows as they come, also when the time was not enough for all
  limit=$1 name=$2
  shift 2
  [ -z "$quick" ] || limit=$((8 * limit)) # that is for the emulator, on a busy machine
  # shellcheck disable=SC2046
  run "$limit" "$name $*" $(program "$name") --device "$device" "$@"
  grep '	' "$scratch/said"
}

part "Solvers: launches, waits and overhead"
say "forward_ms is a forward among many, overhead_ms what a step takes beyond its forwards, percent of a forward."
say ""
{
  methods=cvode-adams,dopri5,ab3,euler-maruyama
  [ -z "$quick" ] || methods=cvode-adams
  bench 25 bench_overhead $small $solve --batch $few --methods $methods
  [ -n "$quick" ] || bench 25 bench_overhead $small $solve --batch $more --methods $methods | tail -n +2
  [ -n "$quick" ] || bench 25 bench_overhead $large $solve --batch $few --methods $methods | tail -n +2
} | table

part "Products: tiles of a sample's rows, and the largest"
bench 40 bench_linear --dtype bf16 $tokens >"$scratch/linear"
# All rows in one matrix: is it faster, and does a row's result then depend on the batch?
TRANSIT_CUDA_TILES=0
export TRANSIT_CUDA_TILES
bench 30 bench_linear --dtype bf16 $tokens | awk -F '\t' -v OFS='\t' 'NR > 1 && !($1 $2 $3 in seen) { seen[$1 $2 $3]; $4 = "one matrix"; print }' >>"$scratch/linear"
table <"$scratch/linear"
say "" "As one matrix, the forward:" ""
[ -n "$quick" ] || bench 40 bench_forward $large --dtype bf16 --batch $batches $often | table
say ""
cp "$scratch/failures" "$scratch/before"
[ -n "$quick" ] || each 20 "" $(those '^test_core_nn_(rows|products)$')
mv "$scratch/before" "$scratch/failures" # what these find is an answer
unset TRANSIT_CUDA_TILES

part "Forward and training step"
bench 60 bench_forward $large --dtype bf16 --batch $batches $often >"$scratch/forward"
table <"$scratch/forward"
say ""
bench 60 bench_train $large --dtype bf16 --batch $training $often >"$scratch/train"
table <"$scratch/train"
for sums in 0 1; do
  (
    export TRANSIT_CUDA_BGRAD=$sums
    bench 30 bench_train $large --dtype bf16 --batch $training $often >"$scratch/sums"
  )
  say "" "The same with TRANSIT_CUDA_BGRAD=$sums, gradients of biases by $([ $sums = 0 ] && echo sums of our own || echo cuBLASLt wherever it can):" ""
  table <"$scratch/sums"
done
if [ -z "$quick" ]; then
  say ""
  { bench 20 bench_forward $large --dtype tf32 --batch 32 $often; bench 20 bench_forward $large --dtype f32 --batch 8 $often | tail -n +2; } | table
fi

# The algorithms of a forward, as cuBLASLt itself tells them.
case $device in
cuda*)
  rm -f "$out.products"
  CUBLASLT_LOG_LEVEL=2 CUBLASLT_LOG_FILE=$out.products
  export CUBLASLT_LOG_LEVEL CUBLASLT_LOG_FILE
  bench 20 bench_forward $large --dtype bf16 --batch 32 --seconds 0 --runs 1 >/dev/null
  unset CUBLASLT_LOG_LEVEL CUBLASLT_LOG_FILE
  ;;
esac

part "Decoding of latents by an autoencoder of Stable Diffusion's size, in f32"
if [ -z "$quick" ]; then
  # shellcheck disable=SC2046
  run 30 bench_vae $(program bench_vae) --device "$device" --sizes 32,64 --rounds 2 && grep '^|' "$scratch/said" >>"$out"
else
  say "Too large for --quick."
fi

part "Beside PyTorch"
kept=0
rounds=2
if [ -z "$quick" ] && python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  run $((24 * minutes)) "PyTorch" python3 "$torch" --forward $batches --train $training --seconds $seconds --rounds $rounds \
    --ours "$(program bench_NAME) --device $device $large"
  grep '^#' "$scratch/said" | sed 's/^# //' >>"$out"
  say "" "In turns, medians of $rounds rounds; the ratio of their times, its least and most:" ""
  # Rows as they come, also when the time was not enough for all.
  awk -F '\t' -v OFS='\t' 'BEGIN { print "what", "batch", "PyTorch, ms", "transit, ms", "PyTorch / transit", "least", "most", "wanted" }
    BEGIN { want["forward1"] = ">= 1.43"; want["forward32"] = want["forward128"] = ">= 1.20"; want["train64"] = ">= 1.10" }
    $1 == "torch" { print $2, $3, $4, $5, $6, $7, $8, want[$2 $3] }' "$scratch/said" | table
  peak=$(sed -n 's/^# bf16 peak \([0-9.]*\) TFLOP.*/\1/p' "$scratch/said")
  [ -z "$peak" ] || awk -F '\t' -v peak="$peak" '$2 ~ /^[0-9]/ { printf "\nForward at batch %s: %.0f %% of the measured bf16 peak.\n", $2, $6 / 10 / peak }' "$scratch/forward" >>"$out"
  say "" "Linear layers, with a bias alone there:" ""
  awk -F '\t' -v OFS='\t' 'BEGIN { print "layer", "behind", "rows", "tile", "transit, ms", "PyTorch, ms", "PyTorch / transit" }
    $1 == "linear" { other[$2 "\t" $3] = $4 }
    FILENAME ~ /linear$/ && ($1 "\t" $3) in other { o = other[$1 "\t" $3]; print $1, $2, $3, $4, $5, o, sprintf("%.2f", o / $5) }' \
    "$scratch/said" "$scratch/linear" | table
else
  say "There is no PyTorch with a GPU."
fi

failures=$(wc -l <"$scratch/failures")
say "" "$failures failures, $(($(date +%s) - begin)) s in all."
echo "gpu.sh: $failures failures; the report is $out"
[ "$failures" -eq 0 ]
