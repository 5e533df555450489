# mpirun -n R transit sample|train --device emulated:auto: each rank has a device, and says which; the samples of one process on
# one device; the losses of one process, its sums from device to device (tests/simt/nccl.cpp) or, where ranks share a device, by
# way of the host; and the end of all ranks when one cannot begin or is killed.
. "$(dirname "$0")/../common.sh"
needs_mpirun

data=$here/../../../experiments/digits
draw="$transit sample ODE --ckpt $data/digits-ema.pt --sampling-method heun2 --num-sampling-steps 2 --num-samples 3 --batch-size 1 --threads 1"
small="$transit train --data-path $data/digits.npz --global-batch-size 12 --hidden 16 --depth 1 --num-heads 2 --ema-decay 0.5
  --log-every 1 --threads 1 --lr 1e-3"

# shellcheck disable=SC2086
{
  # ---- samples ----
  check "one device" $draw --device emulated:0 --out "$scratch/one"
  export SIMT_DEVICES=2
  check "two devices" on 2 $draw --device emulated:auto --out "$scratch/two"
  says "3 batches on 2 ranks (emulated:0, emulated:1; arrays by mpi)"
  same "$scratch/one/samples.npz" "$scratch/two/samples.npz"
  equals "$(number "$scratch/two/run.json" device)" emulated:0 "the device of the record"

  # ---- trainings ----
  check "on the processor" $small --device cpu --max-steps 3 --out "$scratch/cpu"
  check "a training on two" on 2 $small --device emulated:auto --max-steps 3 --out "$scratch/train2"
  says "on 2 ranks with 1 thread each (emulated:0, emulated:1; arrays by mpi+nccl)"
  close_losses "$scratch/cpu" "$scratch/train2" 1e-4
  export SIMT_DEVICES=1
  check "on one" on 2 $small --device emulated:auto --max-steps 3 --out "$scratch/train1"
  says "on 2 ranks with 1 thread each (emulated:0, emulated:0; arrays by mpi)"
  warns "sums over the ranks go by way of the host: some ranks share a device"
  close_losses "$scratch/cpu" "$scratch/train1" 1e-4

  # ---- a device that does not open ----
  export SIMT_DEVICES=2 SIMT_MODE=busy,free
  once 1 "the device 'emulated:0' cannot be opened" on 2 $draw --device emulated:auto --out "$scratch/busy"
  once 1 "the device 'emulated:0' cannot be opened" on 2 $small --device emulated:auto --max-steps 3 --out "$scratch/busy"
  absent "$scratch/busy"
  unset SIMT_MODE

  # ---- a rank that is killed ----
  export SIMT_DEVICES=2
  PATIENCE=8 sh "$tests/support/ranks.sh" 2 $small --device emulated:auto --max-steps 20000 --ckpt-every 2 --keep 2 --out "$scratch/killed" \
    >"$scratch/stdout" 2>"$scratch/stderr" &
  pid=$!
  await $pid filled "$scratch/killed/checkpoints"
  kill -KILL "$(rank_of $pid 1)"
  await $pid gone $pid
  wait $pid
  less 0 $? "status with a rank that was killed"
  equals "$(grep -c '^transit train: the ranks are torn apart: rank 1, process [0-9]*, has died; step ' "$scratch/stderr")" 1 "lines of the rank that lives"
}

finish
