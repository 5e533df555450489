# transit evaluate that is interrupted, or killed, keeps whole shards of features and goes on from them to the same numbers.
. "$(dirname "$0")/../common.sh"

goldens=$tests/data/goldens
cp "$goldens/adm/ref.npz" "$scratch"
chmod u+w "$scratch/ref.npz"
npy "$scratch/arr_0.npy" '|u1' '(700, 16, 16, 3)' 537600
(cd "$scratch" && python3 -m zipfile -c pictures.npz arr_0.npy && rm arr_0.npy) || fail "pictures"
evaluate="$transit evaluate --samples $scratch/pictures.npz --reference $scratch/ref.npz --inception $goldens/inception/inception.pth --force"
kept=$scratch/pictures.npz.features

shards() { # shards N: so many are there
  # shellcheck disable=SC2012
  [ "$(ls "$kept"/*.npz 2>/dev/null | wc -l)" -ge "$1" ]
}

# shellcheck disable=SC2086
{
  check "at one go" $evaluate --no-cache --out "$scratch/a"
  absent "$kept"
  for signal in INT KILL; do
    rm -rf "$kept" "$scratch/b"
    $evaluate --out "$scratch/b" >"$scratch/stdout" 2>"$scratch/stderr" &
    pid=$!
    await $pid shards 1
    kill -$signal $pid
    wait $pid
    status=$?
    [ $signal = KILL ] || equals $status 130 "status after Ctrl-C"
    if [ $signal = INT ] && ! shards 2; then # else it came when all features were there
      grep -qE "interrupted at picture [5-7][0-9][0-9] of 700 of '.*pictures.npz': the features of the first 512 are kept, and the same command goes on" \
        "$scratch/stderr" || fail "after Ctrl-C: $(cat "$scratch/stderr")"
    fi
    shards 1 || fail "no shard after $signal"
    absent "$scratch/b/evaluate.json"
    check "and on" $evaluate --out "$scratch/b"
    same "$scratch/a/evaluate.json" "$scratch/b/evaluate.json"
    equals "$(find "$kept" -name '*.npz' | wc -l)" 2 "shards"
  done
}

finish
