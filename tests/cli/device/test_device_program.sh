# The program on a device as on the processor, to the rounding of each type: samples, likelihoods, fields, losses, sweeps and
# trainings; and what cannot be done there, in one line.
. "$(dirname "$0")/../common.sh"
folder=$here/../../../experiments/digits
model=$folder/digits-ema.pt
device=emulated:0

# both NAME COMMAND...: on the processor into $scratch/NAME-cpu and on the device into $scratch/NAME.
both() {
  name=$1
  shift
  check "$name on the processor" "$transit" "$@" --threads 1 --device cpu --out "$scratch/$name-cpu"
  check "$name on the device" "$transit" "$@" --threads 1 --device $device --out "$scratch/$name"
}
draw="--ckpt $model --num-samples 2 --class-labels 3,5"

# shellcheck disable=SC2086
{
  both ode sample ODE $draw --cfg-scale 2 --dtype f64 --rtol 1e-8 --atol 1e-8
  close "$scratch/ode/samples.npz" "$scratch/ode-cpu/samples.npz" f8 1e-6
  both dopri5 sample ODE $draw --dtype f64 --sampling-method dopri5 --rtol 1e-6 --atol 1e-6
  close "$scratch/dopri5/samples.npz" "$scratch/dopri5-cpu/samples.npz" f8 1e-6
  both sde sample SDE $draw --dtype f64 --num-sampling-steps 8
  close "$scratch/sde/samples.npz" "$scratch/sde-cpu/samples.npz" f8 1e-9
  both grid sample ODE $draw --sampling-method heun2 --num-sampling-steps 4
  close "$scratch/grid/samples.npz" "$scratch/grid-cpu/samples.npz" f4 1e-5

  both likelihood likelihood --ckpt $model --data "$folder/digits.npz" --num-samples 1 --dtype f64 --sampling-method heun2 --num-sampling-steps 3
  close "$scratch/likelihood/likelihood.npz" "$scratch/likelihood-cpu/likelihood.npz" f8 1e-9
  both loss loss --ckpt $model --data "$folder/digits.npz" --num-samples 4 --dtype f64
  close "$scratch/loss/loss.npz" "$scratch/loss-cpu/loss.npz" f8 1e-9
  # Fields, with other products of the same numbers too; the processor has none in TF32.
  # At t = 0: towards the data the field is steep, and multiplies every rounding.
  npy "$scratch/times.npy" "<f8" "(2,)" 16
  field="field --ckpt $model --init $scratch/ode/samples.npz --times $scratch/times.npy --class-labels 3,5"
  both field $field --dtype f64
  close "$scratch/field/field.npz" "$scratch/field-cpu/field.npz" f8 1e-10
  check "in f32, on the processor" "$transit" $field --dtype f32 --device cpu --out "$scratch/f32-cpu"
  for dtype in f32:1e-5 tf32:1e-3 bf16:2e-2; do
    check "field in $dtype" "$transit" $field --dtype ${dtype%:*} --device $device --out "$scratch/${dtype%:*}"
    close "$scratch/${dtype%:*}/field.npz" "$scratch/f32-cpu/field.npz" f4 ${dtype#*:}
  done
  differ "$scratch/f32/field.npz" "$scratch/tf32/field.npz"
  differ "$scratch/tf32/field.npz" "$scratch/bf16/field.npz"
  ends 1 "$transit" $field --dtype tf32 --device cpu --out "$scratch/none"
  warns "tf32"
  absent "$scratch/none"
  both sweep sweep --target gmm:d=2,modes=8,std=0.05 --solvers euler,dopri5 --rtol 1e-2 --steps 3 --num-samples 20 --dtype f64
  equals "$(cut -d, -f1-4 "$scratch/sweep/results.csv")" "$(cut -d, -f1-4 "$scratch/sweep-cpu/results.csv")" "what was swept"
  both train train --data-path "$folder/digits.npz" --global-batch-size 4 --hidden 16 --depth 1 --num-heads 2 --max-steps 3 --log-every 1
  says "finished at step 3"
  present "$scratch/train/checkpoints/0000003.pt"

  # A batch that does not fit.
  export SIMT_MEMORY=60000000
  ends 1 "$transit" sample ODE --ckpt $model --num-samples 4096 --batch-size 4096 --sampling-method euler --num-sampling-steps 2 --device $device --out "$scratch/none"
  warns "batch"
  equals "$(grep -c . "$scratch/stderr")" 1 "lines where a batch does not fit"
  absent "$scratch/none"
}

finish
