#!/bin/sh
# Every module's table stands in its room's list of modules, ROOM/modules.def, once. usage: modules.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

# "ROOM TABLE" of every table that a source defines.
defined() {
  { library_sources || true; } | grep '\.c$' | xargs -r sed -n 's/^const tr_module \*const \([a-z0-9_]*\) *=.*/\1/;T;F;p' |
    awk 'NR % 2 { split($0, path, "/"); next } { print path[1], $0 }'
}

# The same of every line of a list.
listed() {
  files | { grep -E '^[a-z]*/modules\.def$' || true; } | while IFS= read -r file; do
    sed -n 's/^TR_MODULE([A-Z0-9_]*, \([a-z0-9_]*\))$/\1/p' "$file" | sed "s|^|${file%/*} |"
  done
}

# Prints one line for each difference below the current folder.
differences() {
  defined | sort >"$1/defined"
  listed | sort >"$1/listed"
  diff "$1/defined" "$1/listed" | sed -n 's/^< /defined, but not listed: /p; s/^> /listed more often than defined: /p'
}

self_test() {
  rm -rf "$1/rooms" && mkdir -p "$1/rooms/transport/path"
  cd "$1/rooms"
  printf 'const tr_module *const tr_a = &type.info;\n' >transport/path/a.c
  printf 'TR_MODULE(TR_KIND_INTERPOLANT, tr_a)\n' >transport/modules.def
  [ -z "$(differences "$1")" ] || die "self-test: $(differences "$1")"
  printf 'const tr_module *const tr_b =\n    &type.info;\n' >transport/path/b.c
  [ "$(differences "$1")" = 'defined, but not listed: transport tr_b' ] || die "self-test: $(differences "$1")"
  printf 'TR_MODULE(TR_KIND_INTERPOLANT, tr_b)\nTR_MODULE(TR_KIND_INTERPOLANT, tr_b)\n' >>transport/modules.def
  [ "$(differences "$1")" = 'listed more often than defined: transport tr_b' ] || die "self-test: $(differences "$1")"
  cd / && rm -rf "$1/rooms"
}

scratch=$(cd "$2" && pwd)
root=$(cd "$1" && pwd)
(self_test "$scratch")
cd "$root"
need_sources
found=$(differences "$scratch")
[ -z "$found" ] || die "$found"
[ "$(wc -l <"$scratch/defined")" -gt 40 ] || die "only $(wc -l <"$scratch/defined") modules were found"
