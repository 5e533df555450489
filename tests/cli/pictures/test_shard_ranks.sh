# mpirun -n R transit sample in shards: the files of one process, going on with what other ranks began; one line of an error of
# one rank, after which the shards of all are there; Ctrl-C; a rank that is killed.
. "$(dirname "$0")/../common.sh"
needs_mpirun
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }

grid="ODE --sampling-method heun2 --num-sampling-steps 3 --num-samples 70 --class-labels balanced --ckpt $digits --shard-size 10 --threads 1"
draw="$transit sample"
sums() { (cd "$1" && find . -name '*.png' -o -name samples.npz | sort | xargs sha256sum); }
count() { find "$1/shards" -name '*.npz' 2>/dev/null | wc -l | tr -d ' '; }

# shellcheck disable=SC2086
{
  check "one" $draw $grid --out "$scratch/one"
  for ranks in 2 3 8; do
    check "$ranks ranks" on $ranks $draw $grid --out "$scratch/$ranks"
    says "7 batches on $ranks ranks"
    equals "$(grep -c . "$scratch/stdout")" 4 "lines of $ranks ranks"
    equals "$(sums "$scratch/$ranks")" "$(sums "$scratch/one")" "bytes of $ranks ranks"
    check "$ranks ranks again" on $ranks $draw $grid --out "$scratch/$ranks"
    equals "$(cat "$scratch/stdout")" "all 70 samples are there already: $scratch/$ranks/samples.npz" "what is said of a run that is complete"
    python3 "$here/check_shards.py" "$scratch/$ranks" || fail "folder of $ranks ranks"
  done
  equals "$(number "$scratch/8/run.json" ranks)" 8 "ranks of the record"

  # A rank whose disk is full: the others' shards are there, and one process goes on, or two.
  own='[ "$OMPI_COMM_WORLD_RANK" != 1 ] || ulimit -f 4; exec "$@"'
  once 1 "cannot write '$scratch/cut/shards/0000001.npz': File too large" on 3 sh -c "$own" sh $draw $grid --out "$scratch/cut"
  equals "$(cd "$scratch/cut/shards" && echo *)" "0000000.npz 0000002.npz" "shards of the other ranks"
  cp -r "$scratch/cut" "$scratch/cut-2"
  check "one goes on" $draw $grid --out "$scratch/cut"
  says "20 of the samples were there already"
  equals "$(sums "$scratch/cut")" "$(sums "$scratch/one")" "bytes of one that goes on"
  check "two go on, in other batches" on 2 $draw $grid --batch-size 4 --out "$scratch/cut-2"
  equals "$(sums "$scratch/cut-2")" "$(sums "$scratch/one")" "bytes of two that go on"
  once 2 "holds another run of sample (--seed was 0, is 1)" on 2 $draw $grid --seed 1 --out "$scratch/cut-2"
  once 1 "there is a file of this name, give another --out" on 2 $draw $grid --out "$digits"

  # A signal that mpirun passes on, and a rank that is killed: the other one notices.
  slow="SDE --ckpt $digits --num-sampling-steps 400 --num-samples 600 --batch-size 1 --shard-size 1 --threads 1"
  out=$scratch/slow patient=
  begun() { [ "$(count "$out")" -ge "$wanted" ]; }
  start() { # start SHARDS: they are there
    wanted=$1
    PATIENCE=$patient sh "$tests/support/ranks.sh" 2 $draw $slow --out "$out" >"$scratch/stdout" 2>"$scratch/stderr" &
    pid=$!
    await $pid begun
  }
  start 2
  kill -USR1 $pid
  wait $pid
  equals $? 138 "status after SIGUSR1"
  one_line "interrupted: $(count "$out") of 600 samples are in '$out', the same command goes on"
  equals "$(ls -A "$out" | tr '\n' ' ')" "images manifest.json shards " "what is there after a signal"
  patient=8
  start $(($(count "$out") + 2))
  patient=
  rank=$(rank_of $pid 1)
  kill -KILL "$rank"
  ! wait $pid || fail "status 0 after a rank was killed"
  one_line "rank 1"
  there=$(count "$out")
  start $((there + 1)) # which goes on
  kill -USR1 $pid
  wait $pid
  equals "$(grep -c damaged "$scratch/stderr")" 0 "damaged shards after a rank was killed"
}
finish
