#!/bin/sh
# Nothing outside a network's own folder names it, and tests of their own: a checkpoint opens by what it holds.
# usage: networks.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

# "FOLDER PREFIX OTHERS": what begins with PREFIX stays below FOLDER and in files that match OTHERS.
own='
nets/sit/ tr_sit ^tests/nets/test_sit[a-z_]*\.c$
nets/mlp/ tr_mlp ^$
'

# Prints one line for each stray name below the current folder.
strays() {
  echo "$own" | while read -r folder prefix others; do
    [ -n "$folder" ] || continue
    sources | { grep -v "^$folder" || true; } | { grep -Ev "$others" || true; } |
      xargs -r grep -nE "(^|[^a-z_])$prefix(_|[^a-z]|\$)|\"$folder" || true
  done
}

self_test() {
  tree=$1/networks
  check() { # check FOUND FILE LINE
    rm -rf "$tree"
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/$2"
    found=$(cd "$tree" && strays)
    [ "$1" = "${found:+stray}" ] || die "self-test: '$3' in $2 gave '${found:-nothing}'"
  }
  check stray experiments/a.c 'tr_sit_config config;'
  check stray nets/a.h 'typedef struct tr_sit tr_sit;'
  check stray tests/support/a.c '#include "nets/sit/sit_private.h"'
  check stray tests/nets/test_net.c 'tr_mlp_create(ctx);'
  check '' nets/sit/a.c 'tr_sit_config config;'
  check '' tests/nets/test_sit_vjp.c 'tr_sit_config config;'
  check '' nets/a.c 'TR_MODULE(TR_KIND_NETWORK, tr_network_sit)'
  rm -rf "$tree"
}

self_test "$2"
cd "$1"
need_sources
found=$(strays)
[ -z "$found" ] || die "$found"
