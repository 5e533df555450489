#!/bin/sh
# The backend and the emulator as clang sees them: every warning is an error, as nvcc and gcc have it where they compile them.
# usage: clang.sh SOURCE_DIR FLAGS...; the flags are gcc's of the emulator. Status 77, which is "skipped", where clang is not.
set -eu
root=$1
shift
compiler=$(command -v clang++-14 || command -v clang++) || {
  echo "skipped: there is no clang++"
  exit 77
}
cd "$root"
flags="$*"
syntax() {
  # shellcheck disable=SC2086 # flags are words
  find "$@" | sort | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I '{}' "$compiler" $language $flags -fsyntax-only -Werror '{}'
}
language='-xc -std=c11' && syntax cuda -name '*.c'
language='-xc++ -std=c++17' && syntax cuda tests/simt -name '*.cu' -o -name '*.cpp' -not -path '*/checked/*'
