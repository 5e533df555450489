#!/bin/sh
# No file over 3 MB, all test data within 12 MB, no source over 600 lines, no folder but those of data with
# more than 22 files. usage: sizes.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

limit=3000000
data_limit=12000000

# Prints one line for each thing that is too large below the current folder.
too_large() {
  files | tr '\n' '\0' | xargs -0r wc -c | awk -v limit=$limit '
    $2 != "total" && $1 > limit { size = $1; sub(/^ *[0-9]+ /, ""); print $0 " has " size " bytes, more than " limit }'
  data=$(files | { grep '^tests/data/' || true; } | tr '\n' '\0' | xargs -0r cat | wc -c)
  [ "$data" -le $data_limit ] || echo "tests/data has $data bytes, more than $data_limit"
  { sources || true; } | tr '\n' '\0' | xargs -0r wc -l | awk '
    $2 != "total" && $1 > 600 { print $2 " has " $1 " lines, more than 600: split it by meaning" }'
  files | { grep -vE '^tests/data/' || true; } | awk '
    !/\// { next }
    { sub("/[^/]*$", ""); count[$0]++ }
    END { for (folder in count) if (count[folder] > 22) print folder "/ has " count[folder] " files, more than 22: divide it" }'
}

self_test() {
  rm -rf "$1/large"
  mkdir -p "$1/large/tests/data" "$1/large/core"
  cd "$1/large"
  head -c 2900000 /dev/zero >tests/data/a
  cp tests/data/a tests/data/b
  [ -z "$(too_large)" ] || die "self-test: $(too_large)"
  for part in c d e f; do cp tests/data/a "tests/data/$part"; done
  [ -n "$(too_large)" ] || die "self-test: 17 MB of test data were not noticed"
  head -c 3000001 /dev/zero >one && rm tests/data/[c-f]
  [ -n "$(too_large)" ] || die "self-test: a file of 3000001 bytes was not noticed"
  rm one
  yes | head -n 601 >core/long.c
  [ -n "$(too_large)" ] || die "self-test: a source of 601 lines was not noticed"
  rm core/long.c
  for i in $(seq 22); do touch "core/$i.c"; done
  [ -z "$(too_large)" ] || die "self-test: $(too_large)"
  touch core/23.c
  [ -n "$(too_large)" ] || die "self-test: a folder of 23 files was not noticed"
  cd / && rm -rf "$1/large"
}

scratch=$(cd "$2" && pwd)
root=$(cd "$1" && pwd)
(self_test "$scratch")
cd "$root"
need_sources
found=$(too_large)
[ -z "$found" ] || die "$found"
