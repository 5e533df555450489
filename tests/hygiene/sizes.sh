#!/bin/sh
# No file over 3 MB, all test data within 3 MB, no source over 700 lines. usage: sizes.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

limit=3000000

# Prints one line for each thing that is too large below the current folder.
too_large() {
  files | while IFS= read -r file; do
    size=$(wc -c <"$file")
    [ "$size" -le $limit ] || echo "$file has $size bytes, more than $limit"
  done
  data=$(files | { grep '^tests/data/' || true; } | tr '\n' '\0' | xargs -0r cat | wc -c)
  [ "$data" -le $limit ] || echo "tests/data has $data bytes, more than $limit"
  { sources || true; } | while IFS= read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 700 ] || echo "$file has $lines lines, more than 700: split it by meaning"
  done
}

self_test() {
  rm -rf "$1/large"
  mkdir -p "$1/large/tests/data" "$1/large/core"
  cd "$1/large"
  head -c 2000000 /dev/zero >tests/data/a
  [ -z "$(too_large)" ] || die "self-test: $(too_large)"
  cp tests/data/a tests/data/b
  [ -n "$(too_large)" ] || die "self-test: 4 MB of test data were not noticed"
  head -c 3000001 /dev/zero >one && rm tests/data/b
  [ -n "$(too_large)" ] || die "self-test: a file of 3000001 bytes was not noticed"
  rm one
  yes | head -n 701 >core/long.c
  [ -n "$(too_large)" ] || die "self-test: a source of 701 lines was not noticed"
  cd / && rm -rf "$1/large"
}

scratch=$(cd "$2" && pwd)
root=$(cd "$1" && pwd)
(self_test "$scratch")
cd "$root"
need_sources
found=$(too_large)
[ -z "$found" ] || die "$found"
