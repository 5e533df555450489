#!/bin/sh
# Every header compiles on its own, twice in a row, without warnings. usage: headers.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"
compiler=$3

compiles() { # compiles HEADER
  printf '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' "$1" "$1" |
    "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -I. -x c -fsyntax-only -
}

cd "$2"
printf 'size_t without_include(void);\n' >bad.h
if compiles bad.h 2>/dev/null; then die "self-test: a header that lacks an include was not noticed"; fi
rm bad.h

cd "$1"
need_sources
bad=0
for header in $(sources | grep '\.h$' | grep -vE '^(cuda|tests/simt)/'); do
  compiles "$header" || bad=1
done
exit $bad
