#!/bin/sh
# Nothing outside a network's own folder names it or its parts, but tests and a bench of their own: a checkpoint opens by what it
# holds, and what it does not tell is a parameter that its kind declares.
# usage: networks.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

# "FOLDER PREFIX OTHERS": what begins with PREFIX stays below FOLDER and in files that match OTHERS.
own='
nets/sit/ tr_sit ^tests/(nets/test_sit[a-z_]*|bench/bench_bytes)\.c$
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

# Prints one line for each word of one kind of network alone outside its folder, in the library's networks and in the
# program. The autoencoder has attention of its own. The option --num-heads is the user's, where it is declared and where
# it is read, and so are the sizes of a network to train.
words() {
  sources | grep -E '^(nets|experiments)/' | { grep -vE '^nets/(sit|vae)/' || true; } |
    xargs -r grep -HnEi '(^|[^a-z-])(heads|num_heads|patch|patches|patchify|qkv|adaln)([^a-z_]|$)|"blocks\.' |
    { grep -vE '^experiments/(common/common_options\.h|input/net_params\.c):.*(num_heads|NUM_HEADS)' || true; } |
    { grep -v '^experiments/common/common_options\.h:.*Attention heads, which weights do not tell' || true; } |
    { grep -vE '^experiments/train/(options|network)\.[ch]:' || true; }
}

self_test() {
  tree=$1/networks
  check() { # check FOUND FILE LINE
    rm -rf "$tree"
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/$2"
    found=$(cd "$tree" && strays && words)
    [ "$1" = "${found:+stray}" ] || die "self-test: '$3' in $2 gave '${found:-nothing}'"
  }
  check stray experiments/a.c 'tr_sit_config config;'
  check stray nets/a.h 'typedef struct tr_sit tr_sit;'
  check stray tests/support/a.c '#include "nets/sit/sit_private.h"'
  check stray tests/nets/test_net.c 'tr_mlp_create(ctx);'
  check '' nets/sit/a.c 'tr_sit_config config;'
  check '' tests/nets/test_sit_vjp.c 'tr_sit_config config;'
  check '' nets/a.c 'TR_MODULE(TR_KIND_NETWORK, tr_network_sit)'
  check stray nets/net.h '  int num_heads; /* of attention */'
  check stray nets/model.c 'if (tr_net_config_value(c, "heads") == 0) return;'
  check stray experiments/info/inspect.c 'strcmp(fact.key, "heads")'
  check stray nets/mlp/mlp.c '/* no patches here */'
  check stray nets/config.c 'find(weights, "blocks.0.attn.proj.weight")'
  check '' nets/sit/a.c 'int heads, patch;'
  check stray experiments/input/a.c 'o->num_heads = 4; /* --num-heads */'
  check stray experiments/input/overrides.c 'tr_checkpoint_arg(m->checkpoint, "num_heads")'
  check stray experiments/input/net_params.c 'strcmp(fact.key, "heads")'
  check '' experiments/input/net_params.c 'o->num_heads = 4; /* --num-heads */'
  check '' experiments/common/common_options.h '  long num_heads;'
  check '' nets/checkpoint/a.c 'struct block { int dispatch; };'
  check '' core/nn.h 'int heads;'
  rm -rf "$tree"
}

self_test "$2"
cd "$1"
need_sources
found=$(strays && words)
[ -z "$found" ] || die "$found"
