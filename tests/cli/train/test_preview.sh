# transit train --sample-every: pictures that are those of transit sample, in the events of TensorBoard too, and a training
# that is the same without them.
. "$(dirname "$0")/../common.sh"

images=$here/../../../experiments/digits/digits.npz
small="$transit train --data-path $images --global-batch-size 16 --hidden 16 --depth 1 --num-heads 2 --lr 1e-2 --ema-decay 0.5 --threads 1 --ckpt-every 3"
few="--num-samples 11 --num-sampling-steps 4"
heun="--sampling-method heun2 $few --threads 1"

# shellcheck disable=SC2086
{
  check "without samples" $small --max-steps 7 --out "$scratch/without"
  check "with samples" $small --max-steps 7 --sample-every 3 $few --out "$scratch/with"
  same "$scratch/without/checkpoints/0000007.pt" "$scratch/with/checkpoints/0000007.pt"
  same "$scratch/without/checkpoints/0000007.safetensors" "$scratch/with/checkpoints/0000007.safetensors"
  equals "$(cd "$scratch/with/samples" && echo *)" "0000003.png 0000006.png" "samples"
  differ "$scratch/with/samples/0000003.png" "$scratch/with/samples/0000006.png"
  check "drawn from the checkpoint" "$transit" sample ODE --ckpt "$scratch/with/checkpoints/0000006.pt" --cfg-scale 4 $heun --out "$scratch/drawn"
  same "$scratch/drawn/samples.png" "$scratch/with/samples/0000006.png"

  # ---- TensorBoard ----
  check "events" python3 "$here/../checks/check_events.py" "$scratch/with"/events.out.tfevents.*
  says "START 1"
  for step in 3 6; do says "$step samples"; done
  says "$(sha256sum "$scratch/with/samples/0000006.png" | cut -d' ' -f1)"

  # ---- resumed, with others ----
  check "resumed without" "$transit" train --resume "$scratch/without" --max-steps 9 --sample-every 9 --cfg-scale 1 $few
  check "resumed with" "$transit" train --resume "$scratch/with" --max-steps 9
  same "$scratch/without/checkpoints/0000009.pt" "$scratch/with/checkpoints/0000009.pt"
  check "drawn without guidance" "$transit" sample ODE --ckpt "$scratch/with/checkpoints/0000009.pt" $heun --out "$scratch/plain"
  same "$scratch/plain/samples.png" "$scratch/without/samples/0000009.png"
  differ "$scratch/plain/samples.png" "$scratch/with/samples/0000009.png"

  # ---- away from the ends ----
  noise="--max-steps 3 --prediction noise --sample-every 3 $few"
  check "with the default eps" $small $noise --out "$scratch/near"
  check "with another" $small $noise --sample-eps 0.1 --out "$scratch/away"
  differ "$scratch/near/samples/0000003.png" "$scratch/away/samples/0000003.png"
  check "drawn with it" "$transit" sample ODE --ckpt "$scratch/away/checkpoints/0000003.pt" --cfg-scale 4 --sample-eps 0.1 $heun --out "$scratch/far"
  same "$scratch/far/samples.png" "$scratch/away/samples/0000003.png"

  # ---- what is no picture ----
  npy "$scratch/latents.npy" '<f4' '(64, 2)' 512
  check "vectors" "$transit" train --data-path "$scratch/latents.npy" --global-batch-size 16 --hidden 8 --depth 1 --max-steps 2 --sample-every 2 \
    $few --path-type GVP --prediction noise --out "$scratch/vectors"
  check "drawn from their checkpoint" "$transit" sample ODE --ckpt "$scratch/vectors/checkpoints/0000002.pt" $heun --out "$scratch/points"
  close "$scratch/points/samples.npz" "$scratch/vectors/samples/0000002.npz" f4 0

  # ---- said ----
  check "of no use" $small --max-steps 1 $few --out "$scratch/idle"
  warns "--num-samples has no effect"
  check "no null class" "$transit" train --data-path "$scratch/latents.npy" --global-batch-size 16 --hidden 8 --depth 1 --max-steps 2 --sample-every 2 \
    $few --cfg-scale 3 --out "$scratch/unguided"
  warns "--cfg-scale has no effect"
  check "wild weights" "$transit" train --data-path "$scratch/latents.npy" --global-batch-size 16 --hidden 8 --depth 1 --lr 1e30 --ema-decay 0 --max-steps 1 --sample-every 1 $few --out "$scratch/wild"
  warns "no samples of step 1"
  out=$scratch/refused
  refuse 2 "--num-sampling-steps" $small --max-steps 3 --sample-every 3 --num-sampling-steps 1 --out "$out"
  absent "$out"
}

finish
