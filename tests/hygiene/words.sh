#!/bin/sh
# The library names no option of a program: its callers have fields of structs. The program puts its own words in their place
# (experiments/common/advice.h). core/options, which parses options, is left out. usage: words.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"
compiler=$3

# The lines of a file that have such a text, comments taken away.
offences() {
  "$compiler" -fpreprocessed -dD -E -P -x c "$1" 2>/dev/null | sed "s/'[\\\\]*\"'//g" | grep -noE '"([^"\\]|\\.)*"' |
    grep -E -- '--[a-z]' || true
}

self_test() {
  check() { # check FILE LINE noticed|''
    printf '%s\n' "$2" >"$1.c"
    found=$(offences "$1.c")
    rm "$1.c"
    [ "$3" = "${found:+noticed}" ] || die "self-test: '$2' gave '${found:-nothing}'"
  }
  check "$1/line" 'int a = f("a folder: --image-size says what size");' noticed
  check "$1/line" 'int a = f("lower\"--x");' noticed
  check "$1/line" 'int a = f("x", n--); /* "--rtol" */' ''
  check "$1/line" 'int a = f("- ", --n);' ''
}

self_test "$2"
cd "$1"
need_sources
bad=0
for file in $(library_sources | grep -v '^core/options/'); do
  found=$(offences "$file")
  [ -z "$found" ] || { bad=1 && printf '%s: %s\n' "$file" "$found" >&2; }
done
[ $bad -eq 0 ] || die "the library names an option, which its caller does not have"
