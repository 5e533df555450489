#!/bin/sh
# Every installed header compiles alone in C11 and in C++17, those that are private are not there, and transit.h has all
# the others. usage: headers.sh PREFIX SCRATCH COMPILER CMAKE
set -eu
. "$(dirname "$0")/common.sh"

installed=$(cd "$headers" && find . -type f | sed 's|^\./||' | sort)

private='_private\.h$|^(core/cpu|integrators/sundials)/'
not_public=$(printf '%s\n' "$installed" | awk -v private="$private" '!/\.h$/ || $0 ~ private')
[ -z "$not_public" ] || die "installed, but not public:" $not_public

printf '#include "transit.h"\n' | "$compiler" -I"$headers" -MM -x c - | tr ' \\' '\n\n' | sed -n "s|^$headers/||p" |
  sort >included
printf '%s\n' "$installed" >installed
missing=$(comm -13 included installed)
[ -z "$missing" ] || die "transit.h does not include:" $missing

# Alone: nothing of ours before it, nothing but the language's own library besides.
alone() { # alone HEADER COMPILER...
  header=$1
  shift
  printf '#include "%s"\ntypedef int not_empty;\n' "$header" | "$@" $warnings -I"$headers" -fsyntax-only -
}

printf 'size_t without_include(void);\n' >bad.h
if alone "$PWD/bad.h" "$compiler" -std=c11 -x c 2>/dev/null; then die "self-test: a bad header was not noticed"; fi
for header in $installed; do
  alone "$header" "$compiler" -std=c11 -x c
  alone "$header" "$compiler_plus" -std=c++17 -x c++
done
