# mpirun -n 2 transit train with --sample-every, --ema-sigma-rel and --wandb: the first rank alone writes and tells, and the
# training is the one without them.
. "$(dirname "$0")/../common.sh"
needs_mpirun

images=$here/../../../experiments/digits/digits.npz
small="$transit train --data-path $images --global-batch-size 16 --hidden 16 --depth 1 --num-heads 2 --lr 1e-2 --ema-decay 0.5 --log-every 2
  --threads 1 --max-steps 4 --ema-sigma-rel 0.1 --ema-every 2"
export FAKE_WANDB="$scratch/calls"
export PYTHONPATH="$here/../checks/fake_wandb"

# shellcheck disable=SC2086
{
  check "without" on 2 $small --out "$scratch/without"
  check "with" on 2 $small --sample-every 2 --num-samples 4 --num-sampling-steps 3 --wandb --out "$scratch/with"
  same "$scratch/without/checkpoints/0000004.pt" "$scratch/with/checkpoints/0000004.pt"
  same "$scratch/without/ema/0000002-0.1.safetensors" "$scratch/with/ema/0000002-0.1.safetensors"
  equals "$(cd "$scratch/with/samples" && echo *)" "0000002.png 0000004.png" "samples"
  equals "$(cd "$scratch/with/ema" && echo *)" "0000002-0.1.safetensors 0000004-0.1.safetensors" "snapshots"
  equals "$(ls "$scratch/with" | grep -c tfevents)" 1 "files of events"
  equals "$(sed 's/.*"call": "\([a-z]*\)".*/\1/' "$FAKE_WANDB" | tr '\n' ' ')" "init log log log log finish " "what wandb is told"
  check "drawn from the checkpoint" "$transit" sample ODE --ckpt "$scratch/with/checkpoints/0000004.pt" --cfg-scale 4 --sampling-method heun2 \
    --num-samples 4 --num-sampling-steps 3 --threads 1 --out "$scratch/drawn"
  same "$scratch/drawn/samples.png" "$scratch/with/samples/0000004.png"
}

finish
