#!/bin/sh
# Installs what is missing, builds and tests transit: sh tests/run.sh [release|asan|clang ...]
#   release  build/        gcc, optimized: all tests
#   asan     build-asan/   gcc, AddressSanitizer and UndefinedBehaviorSanitizer: all tests
#   clang    build-clang/  clang 14, every warning an error: all built; then without GSL, a part of the tests run
# Without an argument all three, as the continuous integration does. Ends with a line for each part.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

usage() {
  echo "usage: sh tests/run.sh [release|asan|clang ...]" >&2
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
  run_tests build-asan
}

clang() {
  CC=clang-14 build build-clang -DTRANSIT_WERROR=ON -DTRANSIT_GSL=ON
  build build-clang -DTRANSIT_GSL=OFF
  run_tests build-clang --tests-regex '^(transport\.(diffusion|orders|(exponential|exponential_sde|sample_ode|sample_sde)\.cpu)|cli\.usage)$'
}

for part in "$@"; do
  case $part in
  release | asan | clang) ;;
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
