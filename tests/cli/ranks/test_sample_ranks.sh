# mpirun -n R transit sample: the files of one process on 1, 2 and 3 ranks, whatever draws them; one line of an error, and one
# end of all ranks.
. "$(dirname "$0")/../common.sh"
needs_mpirun

draw="$transit sample"
few="--ckpt $digits --num-samples 7 --batch-size 2 --threads 1"

# alike NAME WORD...: what is drawn, on one process and on ranks.
alike() {
  name=$1
  shift
  check "$name" $draw "$@" $few --out "$scratch/$name"
  for ranks in 2 3; do
    check "$name on $ranks" on $ranks $draw "$@" $few --out "$scratch/$name-$ranks"
    says "4 batches on $ranks ranks"
    equals "$(grep -c . "$scratch/stdout")" "$(($# > 9 ? 5 : 4))" "lines of $ranks ranks"
    equals "$(cat "$scratch/stderr")" "" "what $ranks ranks warn of"
    same "$scratch/$name/samples.npz" "$scratch/$name-$ranks/samples.npz"
    same "$scratch/$name/samples.png" "$scratch/$name-$ranks/samples.png"
    equals "$(number "$scratch/$name-$ranks/run.json" ranks)" $ranks "ranks of the record"
    for key in nfe nfe_all_batches n_steps n_rejected stop_reason solver t_end; do
      equals "$(number "$scratch/$name-$ranks/run.json" $key)" "$(number "$scratch/$name/run.json" $key)" "$key of $ranks ranks"
    done
    # every batch has its line, in order
    sed -n '/"batches"/,/^  \]/p' "$scratch/$name/run.json" >"$scratch/one"
    sed -n '/"batches"/,/^  \]/p' "$scratch/$name-$ranks/run.json" >"$scratch/many"
    [ -s "$scratch/one" ] || fail "no batches in $name/run.json"
    same "$scratch/one" "$scratch/many"
  done
}

# shellcheck disable=SC2086
{
  # ---- the same bytes ----
  alike grid ODE --sampling-method heun2 --num-sampling-steps 4
  alike adaptive ODE --sampling-method dopri5 --rtol 1e-2 --atol 1e-2
  alike noisy SDE --num-sampling-steps 4
  alike density ODE --sampling-method heun2 --num-sampling-steps 3 --save-times 0.25,0.75 --with-logp --probes 1
  check "as one" on 1 $draw ODE --sampling-method heun2 --num-sampling-steps 4 $few --out "$scratch/grid-1"
  same "$scratch/grid/samples.npz" "$scratch/grid-1/samples.npz"
  # from the samples of a file, each rank its own
  check "back" $draw ODE --reverse --init "$scratch/grid/samples.npz" --sampling-method heun2 --num-sampling-steps 3 $few --out "$scratch/back"
  check "back on 2" on 2 $draw ODE --reverse --init "$scratch/grid/samples.npz" --sampling-method heun2 --num-sampling-steps 3 $few \
    --out "$scratch/back-2"
  same "$scratch/back/samples.npz" "$scratch/back-2/samples.npz"

  # ---- ranks that have nothing to do ----
  check "fewer batches" on 3 $draw ODE --sampling-method heun2 --num-sampling-steps 4 --ckpt "$digits" --num-samples 7 --threads 1 \
    --out "$scratch/fewer"
  warns "1 batch on 3 ranks: some have nothing to do, with --batch-size 2 or less all do"
  same "$scratch/grid/samples.npz" "$scratch/fewer/samples.npz"

  # ---- errors, once ----
  once 1 "nothing.pt" on 2 $draw ODE --ckpt "$scratch/nothing.pt" --num-samples 4 --batch-size 2 --out "$scratch/refused"
  once 2 "only 'train' and 'sample' work on several ranks" on 2 $draw ODE --likelihood --ckpt "$digits" --out "$scratch/refused"
  npy "$scratch/nan.npy" '<f4' '(4, 1, 8, 8)' 1024 '\377'
  once 1 "finite" on 2 $draw ODE --ckpt "$digits" --init "$scratch/nan.npy" --num-samples 4 --batch-size 2 --threads 1 \
    --sampling-method heun2 --num-sampling-steps 3 --out "$scratch/refused"
  own='exec "$0" sample ODE --ckpt "$1" --num-samples "$((OMPI_COMM_WORLD_RANK + 4))" --batch-size 2 --threads 1 --out "$2"'
  once 2 "the ranks have other options than each other: give all of them the same, but for --threads" \
    on 2 sh -c "$own" "$transit" "$digits" "$scratch/refused"
  mkdir "$scratch/a" "$scratch/b"
  cp "$digits" "$scratch/a/model.pt"
  cp "$digits.json" "$scratch/a/model.pt.json"
  check "another file" "$transit" convert "$digits" "$scratch/b/model.pt"
  differ "$scratch/a/model.pt" "$scratch/b/model.pt"
  own='cd "$1/$(echo ab | cut -c $((OMPI_COMM_WORLD_RANK + 1)))" && exec "$0" sample ODE --ckpt model.pt --num-samples 2 --batch-size 1
    --sampling-method heun2 --num-sampling-steps 3 --threads 1 --out "$1/refused"'
  once 1 "--ckpt 'model.pt' is another file for one rank than for another" on 2 sh -c "$own" "$transit" "$scratch"
  npy "$scratch/a/x.npy" '<f4' '(2, 1, 8, 8)' 512
  npy "$scratch/b/x.npy" '<f4' '(2, 1, 8, 8)' 512 '\077'
  own='cd "$1/$(echo ab | cut -c $((OMPI_COMM_WORLD_RANK + 1)))" && exec "$0" sample ODE --ckpt "$2" --init x.npy --batch-size 1
    --sampling-method heun2 --num-sampling-steps 3 --threads 1 --out "$1/refused"'
  once 1 "--init 'x.npy' is another file for one rank than for another" on 2 sh -c "$own" "$transit" "$scratch" "$digits"
  absent "$scratch/refused"
}

finish
