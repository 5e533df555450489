# Results appear whole or not at all: whatever ends a run, the old ones stay as they were, and what a dead run left hidden is
# removed by the next one.
. "$(dirname "$0")/common.sh"
model="--ckpt $digits --sampling-method euler --num-sampling-steps 3 --threads 1"
out=$scratch/out

# shellcheck disable=SC2086
draw() { # draw SEED OPTION...
  seed=$1
  shift
  "$transit" sample ODE $model --seed "$seed" --force --out "$out" "$@"
}
hidden() { find "$scratch" -name '.transit-*' | wc -l | tr -d ' '; }
sum() { sha256sum "$1" | cut -d ' ' -f 1; }

check "the old results" draw 1 --num-samples 8
old=$(cd "$out" && sha256sum ./*)

# A full disk at each size at which it may fail: in the middle of each file.
for blocks in 1 4 8 16; do
  # shellcheck disable=SC2086
  (
    ulimit -f $blocks
    exec "$transit" sample ODE $model --seed 2 --num-samples 200 --force --out "$out"
  ) >/dev/null 2>"$scratch/stderr"
  equals $? 1 "status on a full disk at $blocks blocks"
  checks=$((checks + 1))
  grep -q "cannot write '$out/samples.npz': File too large" "$scratch/stderr" || fail "no reason on a full disk: $(cat "$scratch/stderr")"
  equals "$(cd "$out" && sha256sum ./*)" "$old" "old results after a full disk at $blocks blocks"
  equals "$(hidden)" 0 "hidden folders after a full disk"
done

# The same where the first file fits and the record, which comes last, does not: all of the old or none.
images=$here/../../experiments/digits/digits.npz
loss="$transit loss --ckpt $digits --data $images --num-samples 2 --points 2 --threads 1"
# shellcheck disable=SC2086
check "the old losses" $loss --out "$scratch/loss"
kept=$(cd "$scratch/loss" && sha256sum ./*)
# shellcheck disable=SC2086
(
  ulimit -f 2
  exec $loss --seed 1 --force --out "$scratch/loss"
) >/dev/null 2>"$scratch/stderr"
equals $? 1 "status of losses on a full disk"
grep -q "run.json" "$scratch/stderr" || fail "it is not the record that does not fit: $(cat "$scratch/stderr")"
equals "$(cd "$scratch/loss" && sha256sum ./*)" "$kept" "old losses after a full disk"

# Killed at any moment: each file is the old or the new one, whole; while the run computes, all are old.
check "the new results" "$transit" sample ODE $model --seed 2 --num-samples 400 --out "$scratch/new"
for name in samples.npz samples.png; do
  echo "$(sum "$out/$name") $(sum "$scratch/new/$name")" >"$scratch/sums-$name"
done
for delay in 0.02 0.05 0.1 0.15 0.2 0.3 0.4; do
  # shellcheck disable=SC2086
  "$transit" sample ODE $model --seed 2 --num-samples 400 --force --out "$out" >/dev/null 2>&1 &
  pid=$!
  sleep $delay
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  for name in samples.npz samples.png; do
    checks=$((checks + 1))
    grep -q "$(sum "$out/$name")" "$scratch/sums-$name" || fail "$name is neither old nor new after $delay s"
  done
done

# Killed while it computes, which it does for ever: the old results stay, and the next run removes what was left hidden.
check "the old results again" draw 1 --num-samples 8
equals "$(hidden)" 0 "hidden folders after the next run"
old=$(cd "$out" && sha256sum ./*)
# shellcheck disable=SC2086
"$transit" sample SDE --ckpt "$digits" --num-sampling-steps 10000000 --num-samples 2 --threads 1 --force --out "$out" 2>"$scratch/stderr" &
pid=$!
one_hidden() { [ "$(hidden)" -eq 1 ]; }
await $pid one_hidden
check "beside a run that lives" draw 1 --num-samples 8
equals "$(hidden)" 1 "hidden folders of a run that lives"
kill -KILL $pid
wait $pid 2>/dev/null
equals "$(hidden)" 1 "hidden folders of a run that was killed"
equals "$(cd "$out" && sha256sum ./samples.*)" "$(echo "$old" | grep samples)" "old results after a kill"
check "the next run" draw 1 --num-samples 8
equals "$(hidden)" 0 "hidden folders after the next run"

# A reader that goes away takes the run with it, but not without a word to the disk.
# shellcheck disable=SC2086
("$transit" sample ODE --ckpt "$digits" --cfg-channels first3 --num-samples 2 --out "$scratch/pipe" 2>&1; echo $? >"$scratch/status") | true
equals "$(hidden)" 0 "hidden folders after a closed pipe"
finish
