#!/bin/sh
# Installs what is missing, builds and tests transit: sh tests/run.sh [release|simt|asan|clang|simt_asan|fuzz ...]
#   release  build/        gcc, optimized, and where nvcc is the CUDA backend, for sm_80, sm_90a, sm_100 and as PTX: all tests
#   simt     build-simt/   gcc, the CUDA backend on the emulator (docs/cuda.md): the tests that run on a device
#   asan     build-asan/   gcc, AddressSanitizer and UndefinedBehaviorSanitizer: all tests but those that touch no memory in
#                          a way of their own, see below
#   clang    build-clang/  clang 14, every warning an error, and its UndefinedBehaviorSanitizer: all built; then without
#                          GSL, a part of the tests run
#   simt_asan  build-simt-asan/  gcc, both sanitizers: the CUDA backend on the emulator, and its tests of operations
#   fuzz     build-fuzz/   clang 14, libFuzzer, both sanitizers: every target of tests/fuzz for TRANSIT_FUZZ_SECONDS (20)
# asan and clang leave CUDA out: nvcc's objects cannot be looked into, and the emulator looks closer at kernels.
# Without an argument the first four, as the continuous integration does. Ends with a line for each part.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

usage() {
  echo "usage: sh tests/run.sh [release|simt|asan|clang|simt_asan|fuzz ...]" >&2
  exit 2
}

# build DIR OPTION...: configures (keeping the generator of an existing folder) and builds.
build() {
  dir=$1
  shift
  if [ -f "$dir/CMakeCache.txt" ]; then
    cmake -S . -B "$dir" "$@"
  else
    cmake -S . -B "$dir" -G Ninja "$@"
  fi
  cmake --build "$dir" --parallel "$jobs"
}

# run_tests DIR OPTION...
# Tests run side by side, so each starts with one thread; those about threads ask for more themselves. With the policy set
# the program need not start itself anew for it (experiments/main.c), which is half of the time of the short runs.
run_tests() {
  dir=$1
  shift
  OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 ctest --test-dir "$dir" --parallel "$jobs" --output-on-failure --no-tests=error --timeout 600 "$@"
}

release() {
  build build -DCMAKE_BUILD_TYPE=Release -DTRANSIT_GSL=ON
  run_tests build
}

simt() {
  build build-simt -DTRANSIT_SIMT=ON -DTRANSIT_GSL=OFF
  run_tests build-simt
}

asan() {
  build build-asan -DTRANSIT_CUDA=OFF -DTRANSIT_SANITIZE=ON -DTRANSIT_BENCHES=OFF -DTRANSIT_GSL=ON
  run_tests build-asan --exclude-regex "$not_sanitized"
}
# Texts of the sources; numbers by code that others run, of 400 digits, of everything with everything, of whole tables; and
# above core the device `guard`, where every access is the processor's own, in memory without red zones.
not_sanitized='^(hygiene\..*|cli\.digits|transport\.cross|experiments\.(headline|budgets)|(integrators|transport|nets|parity)\..*\.guard(\..*)?)$'

clang() {
  CC=clang-14 build build-clang -DTRANSIT_CUDA=OFF -DTRANSIT_WERROR=ON -DTRANSIT_GSL=ON -DTRANSIT_SANITIZE=undefined -DTRANSIT_BENCHES=OFF
  build build-clang -DTRANSIT_GSL=OFF
  run_tests build-clang --tests-regex "$clang_tests"
}
# The numbers of another compiler, and every reader of files.
clang_tests='^(transport\.(diffusion|orders|(exponential|exponential_sde|sample_ode|sample_sde)\.cpu)|cli\.(usage|hostile|cases|inspect_field|tune_grid)'
clang_tests="$clang_tests"'|core\.(text|options.*|columns|file|folder|arrays|dataset|zip|np[yz]|png.*|jpeg|image)|nets\.(checkpoint.*|layouts|pickle|tensors|model)|experiments\.(mixture|class_labels))$'

# Each array is an allocation of its own, so that what runs over it is seen.
simt_asan() {
  build build-simt-asan -DTRANSIT_SIMT=ON -DTRANSIT_SANITIZE=ON -DTRANSIT_BENCHES=OFF -DTRANSIT_GSL=OFF
  TRANSIT_CUDA_ARENA=0 run_tests build-simt-asan --tests-regex '^(simt\.(broken|device|errors|mma|runtime)|core\.(nn|vec|program|record|memory|device|counts|random|deflate).*)$'
}

# The seeds, and what is found on the way, which the next run begins with, are below build-fuzz/.
fuzz() {
  [ -f build-fuzz/CMakeCache.txt ] ||
    CC=clang-14 cmake -S . -B build-fuzz -G Ninja -DTRANSIT_CUDA=OFF -DTRANSIT_FUZZ=ON -DTRANSIT_TESTS=OFF -DTRANSIT_BENCHES=OFF -DTRANSIT_GSL=OFF
  cmake --build build-fuzz --parallel "$jobs" --target fuzzers
  rm -rf build-fuzz/seeds
  python3 tests/fuzz/seeds.py build-fuzz/seeds
  ls build-fuzz/seeds | xargs -P "$jobs" -n 1 sh tests/fuzz/run_one.sh build-fuzz "${TRANSIT_FUZZ_SECONDS-20}"
}

for part in "$@"; do
  case $part in
  release | simt | asan | clang | simt_asan | fuzz) ;;
  *) usage ;;
  esac
done
[ $# -gt 0 ] || set -- release simt asan clang

sh experiments/setup.sh test
jobs=$(getconf _NPROCESSORS_ONLN)
done_parts=
for part in "$@"; do
  echo "== $part"
  "$part"
  done_parts="$done_parts $part"
done
echo "tests/run.sh: passed:$done_parts"
