#!/bin/sh
# Runs one fuzz target for a while on its seeds. usage: run_one.sh BUILD SECONDS CORPUS
# CORPUS is a folder of BUILD/seeds, NAME or NAME-WHAT of the target fuzz_NAME. What is new goes to BUILD/corpus/CORPUS, an
# input that ends the target by a fault to BUILD/found-CORPUS-...; xargs, which calls this, stops at a status of 255.
set -eu
build=$1
seconds=$2
corpus=$3
name=${corpus%%-*}

mkdir -p "$build/corpus/$corpus"
log=$build/fuzz-$corpus.log
status=0
ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1 \
  "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=600 -max_len=32768 \
  -print_final_stats=1 -artifact_prefix="$build/found-$corpus-" "$build/corpus/$corpus" "$build/seeds/$corpus" >"$log" 2>&1 || status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
[ "$status" -ne 0 ] || { echo "fuzz $corpus: ${runs:-no} runs, nothing found"; exit 0; }
echo "fuzz $corpus: a finding (status $status), see $log:" >&2
tail -40 "$log" >&2
exit 255
