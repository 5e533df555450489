#!/bin/sh
# Installs what is missing, builds and tests transit: sh tests/run.sh [release|asan|clang|fuzz ...]
#   release  build/        gcc, optimized: all tests
#   asan     build-asan/   gcc, AddressSanitizer and UndefinedBehaviorSanitizer: all tests but the quality of 400 drawn digits
#   clang    build-clang/  clang 14, every warning an error, and its UndefinedBehaviorSanitizer: all built; then without
#                          GSL, a part of the tests run
#   fuzz     build-fuzz/   clang 14, libFuzzer, both sanitizers: every target of tests/fuzz for TRANSIT_FUZZ_SECONDS (20)
# Without an argument the first three, as the continuous integration does. Ends with a line for each part.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

usage() {
  echo "usage: sh tests/run.sh [release|asan|clang|fuzz ...]" >&2
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
# Tests run side by side, so each starts with one thread; those about threads ask for more themselves.
run_tests() {
  dir=$1
  shift
  OMP_NUM_THREADS=1 ctest --test-dir "$dir" --parallel "$jobs" --output-on-failure --no-tests=error --timeout 600 "$@"
}

release() {
  build build -DCMAKE_BUILD_TYPE=Release -DTRANSIT_GSL=ON
  run_tests build
}

asan() {
  build build-asan -DTRANSIT_SANITIZE=ON -DTRANSIT_BENCHES=OFF -DTRANSIT_GSL=ON
  run_tests build-asan --exclude-regex '^cli\.digits$'
}

clang() {
  CC=clang-14 build build-clang -DTRANSIT_WERROR=ON -DTRANSIT_GSL=ON -DTRANSIT_SANITIZE=undefined -DTRANSIT_BENCHES=OFF
  build build-clang -DTRANSIT_GSL=OFF
  run_tests build-clang --tests-regex "$clang_tests"
}
# The numbers of another compiler, and every reader of files.
clang_tests='^(transport\.(diffusion|orders|(exponential|exponential_sde|sample_ode|sample_sde)\.cpu)|cli\.(usage|hostile|cases|inspect_field|tune_grid)'
clang_tests="$clang_tests"'|core\.(text|options.*|columns|file|folder|arrays|dataset|zip|np[yz]|png.*|jpeg|image)|nets\.(checkpoint.*|layouts|pickle|tensors|model)|experiments\.(mixture|class_labels))$'

# The seeds, and what is found on the way, which the next run begins with, are below build-fuzz/.
fuzz() {
  [ -f build-fuzz/CMakeCache.txt ] ||
    CC=clang-14 cmake -S . -B build-fuzz -G Ninja -DTRANSIT_FUZZ=ON -DTRANSIT_TESTS=OFF -DTRANSIT_BENCHES=OFF -DTRANSIT_GSL=OFF
  cmake --build build-fuzz --parallel "$jobs" --target fuzzers
  rm -rf build-fuzz/seeds
  python3 tests/fuzz/seeds.py build-fuzz/seeds
  ls build-fuzz/seeds | xargs -P "$jobs" -n 1 sh tests/fuzz/run_one.sh build-fuzz "${TRANSIT_FUZZ_SECONDS-20}"
}

for part in "$@"; do
  case $part in
  release | asan | clang | fuzz) ;;
  *) usage ;;
  esac
done
[ $# -gt 0 ] || set -- release asan clang

sh experiments/setup.sh test
jobs=$(getconf _NPROCESSORS_ONLN)
done_parts=
for part in "$@"; do
  echo "== $part"
  "$part"
  done_parts="$done_parts $part"
done
echo "tests/run.sh: passed:$done_parts"
