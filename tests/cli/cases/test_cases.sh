#!/bin/sh
# Files and habits of real users (tests/data/cases): each is read, or refused with a line that says why.
# usage: test_cases.sh PROGRAM SCRATCH
. "$(dirname "$0")/../common.sh"

command -v python3 >/dev/null 2>&1 || { echo "no python3: nothing is checked"; exit 0; }
data=$(cd "$here/../../data/cases" && pwd)
python3 "$here/check_cases.py" "$transit" "$data" "$scratch"
cases=$?

# The digest of a checkpoint in several files covers them all.
check "shards" "$transit" sample ODE --ckpt "$data/two.safetensors.index.json" --num-samples 1 --sampling-method euler \
  --num-sampling-steps 2 --path-type Linear --prediction velocity --out "$scratch/shards"
digest=$(sha256sum "$data/two.safetensors.index.json" "$data"/two-0000?-of-00002.safetensors | cut -c 1-64 | sha256sum | cut -c 1-64)
checks=$((checks + 1))
grep -qF "\"sha256\": \"$digest\"" "$scratch/shards/run.json" || fail "run.json has another digest than $digest"
[ "$cases" -eq 0 ] || fail "cases"
finish
