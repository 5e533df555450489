#!/bin/sh
# Every network operation of core/nn/ops.def has a test in tests/core/nn/test_nn*.c, beside those that are made of the list.
# usage: nn_ops.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"

# Prints the operations of LIST that no file calls. usage: untested LIST FILE...
untested() {
  list=$1
  shift
  sed -n 's/^TR_NN_OP(\([a-z_]*\),.*/\1/p' "$list" | while read -r op; do
    grep -q "tr_nn_$op(" "$@" || echo "$op"
  done
}

cd "$2"
printf 'TR_NN_OP(known, "a", REQUIRED, (a->x), (NULL))\nTR_NN_OP(fresh, "b", OPTIONAL, (a->x), (NULL))\n' >list.def
printf 'tr_nn_known(&args); tr_nn_fresh_air(&args);\n' >test_nn.c
[ "$(untested list.def test_nn.c)" = fresh ] || die "self-test: an operation without a test was not noticed"

cd "$1"
[ "$(grep -c '^TR_NN_OP(' core/nn/ops.def)" -ge 20 ] || die "the list of operations was not understood"
bad=$(untested core/nn/ops.def tests/core/nn/test_nn*.c)
[ -z "$bad" ] || die "no test in tests/core/nn/test_nn*.c calls: $bad"
