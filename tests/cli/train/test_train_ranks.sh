# mpirun -n R transit train: the losses of one rank on 2 and 4, the same bytes on equal ranks and after a resume; one line of an
# error, and the end of all ranks, when one fails or is killed; signals.
. "$(dirname "$0")/../common.sh"
needs_mpirun

data=$here/../../../experiments/digits/digits.npz
tiny="$transit train --data-path $data --global-batch-size 32 --hidden 16 --depth 2 --num-heads 2 --ema-decay 0.9
  --log-every 1 --threads 1 --flip"
small="$tiny --lr 1e-3"

# endless NAME: in the background, $pid being mpirun, until a checkpoint is there.
endless() {
  # shellcheck disable=SC2086
  sh "$here/../../support/ranks.sh" 2 $small --max-steps 20000 --ckpt-every 5 --keep 2 --out "$scratch/$1" >"$scratch/stdout" 2>"$scratch/stderr" &
  pid=$!
  while ! ls "$scratch/$1/checkpoints" 2>/dev/null | grep -q '\.pt$' && kill -0 $pid 2>/dev/null; do sleep 0.05; done
}

newest() {
  ls "$1/checkpoints" | sed -n 's/^0*\([0-9]*\)\.pt$/\1/p' | sort -n | tail -1
}

# shellcheck disable=SC2086
{
  # ---- the same losses ----
  for dtype in f32 f64; do
    tolerance=1e-5
    [ $dtype = f32 ] || tolerance=1e-12
    check "one rank" $small --dtype $dtype --max-steps 12 --out "$scratch/$dtype-1"
    for ranks in 2 4; do
      check "$ranks ranks" on $ranks $small --dtype $dtype --max-steps 12 --out "$scratch/$dtype-$ranks"
      says "on $ranks ranks with 1 thread each"
      equals "$(grep -c . "$scratch/stdout")" 4 "lines of $ranks ranks"
      equals "$(cat "$scratch/stderr")" "" "what $ranks ranks warn of"
      equals "$(number "$scratch/$dtype-$ranks/run.json" ranks)" $ranks "ranks of the record"
      close_losses "$scratch/$dtype-1" "$scratch/$dtype-$ranks" $tolerance
    done
  done
  check "pieces" on 2 $small --max-steps 12 --accumulate 3 --out "$scratch/pieces"
  same "$scratch/pieces/checkpoints/0000012.pt" "$scratch/f32-2/checkpoints/0000012.pt"

  # ---- resume ----
  check "a part" on 2 $small --max-steps 5 --out "$scratch/parts"
  check "the rest" on 2 "$transit" train --resume "$scratch/parts" --max-steps 12
  same "$scratch/parts/checkpoints/0000012.pt" "$scratch/f32-2/checkpoints/0000012.pt"
  check "a part" on 2 $small --max-steps 5 --out "$scratch/fewer"
  check "the rest on one" "$transit" train --resume "$scratch/fewer" --max-steps 9
  says "on 1 rank (2 before: the same to rounding)"
  check "the rest on four" on 4 "$transit" train --resume "$scratch/fewer" --max-steps 12
  says "on 4 ranks with 1 thread each (1 before: the same to rounding)"
  close_losses "$scratch/f32-1" "$scratch/fewer" 1e-5

  # ---- draws ----
  goldens=$here/../../data/goldens
  check "twenty steps" on 2 "$transit" train --init-weights "$goldens/ema.pt" --draws "$goldens/train20.npz" --num-classes 10 --num-heads 3 \
    --hidden 48 --depth 3 --global-batch-size 4 --lr 1e-3 --weight-decay 0.01 --ema-decay 0.99 --dtype f64 --log-every 1 --threads 1 \
    --max-steps 20 --out "$scratch/draws"
  check "the same on one" "$transit" train --init-weights "$goldens/ema.pt" --draws "$goldens/train20.npz" --num-classes 10 --num-heads 3 \
    --hidden 48 --depth 3 --global-batch-size 4 --lr 1e-3 --weight-decay 0.01 --ema-decay 0.99 --dtype f64 --log-every 1 --threads 1 \
    --max-steps 20 --out "$scratch/draws-1"
  close_losses "$scratch/draws-1" "$scratch/draws" 1e-10

  # ---- signals ----
  endless signalled
  kill -USR1 $pid
  wait $pid
  equals $? 0 "status after SIGUSR1"
  says "--resume goes on"
  last=$(newest "$scratch/signalled")
  check "after it" on 2 "$transit" train --resume "$scratch/signalled" --max-steps $((last + 3))
  says "going on from step $last"
  check "the same without it" on 2 $small --max-steps $((last + 3)) --out "$scratch/unsignalled"
  last=$(printf %07d $((last + 3)))
  same "$scratch/signalled/checkpoints/$last.pt" "$scratch/unsignalled/checkpoints/$last.pt"
  endless terminated
  kill -TERM $pid
  wait $pid
  says "--resume goes on"
  last=$(newest "$scratch/terminated")
  says "stopped at step $last of"
  check "after SIGTERM" on 2 "$transit" train --resume "$scratch/terminated" --max-steps $((last + 1))
  says "going on from step $last"
  check "by the clock" on 2 $small --max-minutes 0.003 --ckpt-every 100000 --out "$scratch/clock"
  says "stopped at step"

  # ---- a rank dies ----
  for killed in 0 1; do
    endless dead$killed
    begun=$(date +%s)
    kill -9 "$(rank_of $pid $killed)"
    wait $pid
    got=$?
    checks=$((checks + 1))
    [ $got -ne 0 ] || fail "status 0 after rank $killed was killed"
    less $(($(date +%s) - begun)) 20 "seconds until all have ended"
    one_line "rank $killed, process"
    one_line "--resume goes on from checkpoints/"
    last=$(newest "$scratch/dead$killed")
    check "after it" on 2 "$transit" train --resume "$scratch/dead$killed" --max-steps $((last + 2))
    says "going on from step $last"
  done

  # ---- one line ----
  out=$scratch/refused
  once 2 "--global-batch-size 32: 3 ranks cannot share its rows alike, use a multiple of 3" on 3 $small --out "$out"
  once 2 "unknown option --nothing" on 2 $small --nothing --out "$out"
  once 2 "unknown command 'trian'" on 2 "$transit" trian
  once 2 "only 'train' and 'sample' work on several ranks" on 2 "$transit" inspect "$scratch/f32-1/checkpoints/0000012.pt"
  check "help" on 2 "$transit" train --help
  equals "$(grep -c '^usage: transit train' "$scratch/stdout")" 1 "helps of two ranks"
  absent "$out"
  # What only one rank meets, it says itself; and numbers that are not finite are told once.
  npy "$scratch/a.npy" '<f4' '(64, 2)' 512
  cp "$scratch/a.npy" "$scratch/b.npy"
  printf x | dd of="$scratch/b.npy" bs=1 seek=200 conv=notrunc 2>/dev/null
  own='exec "$0" train --data-path "$1/$(echo ab. | cut -c $((OMPI_COMM_WORLD_RANK + $2)))".npy --global-batch-size 16 --max-steps 2 --hidden 8 --depth 1 --threads 1 --out "$1/refused"'
  once 1 "holds other data for one rank than for another" on 2 sh -c "$own" "$transit" "$scratch" 1
  once 1 "..npy': No such file" on 2 sh -c "$own" "$transit" "$scratch" 2
  absent "$out"
  # unlike WORDS: the second rank has these too.
  unlike() {
    on 2 sh -c 'more=$1; shift; [ "$OMPI_COMM_WORLD_RANK" = 0 ] || set -- "$@" $more; exec "$@"' sh "$1" $small --max-steps 2 --out "$out"
  }
  once 2 "the ranks have other options than each other" unlike "--clip-grad 1"
  once 2 "unknown option --bogus" unlike "--bogus"
  absent "$out"
  check "workers of its own" unlike "--num-workers 2"
  rm -rf "$out"
  once 1 "the first layer that is not finite" on 2 $tiny --lr 1e30 --max-steps 5 --out "$out"
  equals "$(ls -A "$out/checkpoints")" "" "checkpoints of numbers that are not finite"
  rm -rf "$out"
  # No library, or ranks that another MPI has started.
  mkdir "$scratch/library"
  echo nothing >"$scratch/library/libmpi.so.40"
  refuse 1 "several ranks need Open MPI" env LD_LIBRARY_PATH="$scratch/library" OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 $small --out "$out"
  refuse 1 "2 ranks were started, of which Open MPI finds 1" env PMI_SIZE=2 PMI_RANK=0 \
    ASAN_OPTIONS="${ASAN_OPTIONS-}${ASAN_OPTIONS:+:}detect_leaks=0" $small --out "$out" # Open MPI's own, as in ranks.sh
  absent "$out"
  # A file that the first rank cannot write ends all.
  endless unwritable
  mv "$scratch/unwritable/checkpoints" "$scratch/taken" # at once: what is written meanwhile keeps rm from its end
  wait $pid
  equals $? 1 "status of a folder that is gone"
  one_line "checkpoints/"
}

finish
