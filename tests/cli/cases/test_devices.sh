# --device and --version: which device was chosen, one that is not there, and nothing of CUDA's where it is not asked for.
. "$(dirname "$0")/../common.sh"
run="$transit sample ODE --ckpt $here/../../../experiments/digits/digits-ema.pt --num-samples 1 --sampling-method euler --num-sampling-steps 2 --threads 1"

# shellcheck disable=SC2086
{
  check "auto" $run --device auto --out "$scratch/auto"
  warns "transit sample: --device auto: $(number "$scratch/auto/run.json" device)"
  equals "$(grep -c . "$scratch/stderr")" 1 "lines"
  check "cpu" $run --out "$scratch/cpu"
  equals "$(cat "$scratch/stderr")" "" "what is said where nothing was left open"
  equals "$(number "$scratch/cpu/run.json" device)" cpu "the device"
  refuse 1 "no device 'cuda:999'" $run --device cuda:999 --out "$scratch/none"
  absent "$scratch/none"
  for name in cuda: cuda:x cuda:-1 cpu:1 auto:0 gpu; do
    refuse 2 "no device" $run --device $name --out "$scratch/none"
  done
}

# Linked is nothing of it.
if ldd "$transit" >"$scratch/linked" 2>&1; then
  ends 1 grep -E 'lib(cuda|cublas|cudnn|nccl|nvidia)' "$scratch/linked"
fi

# The loader tells what is looked for: of CUDA nothing, until a device of it is asked for.
nothing_of_cuda() { ! grep -qE 'lib(cuda|cublas|cudnn|nccl|nvidia)' "$scratch/loader".*; }
export LD_DEBUG_OUTPUT="$scratch/loader"
# shellcheck disable=SC2086
LD_DEBUG=libs check "sampled, looking at the loader" $run --out "$scratch/loaded"
check "the loader was looked at" grep -q 'libsundials' "$scratch"/loader.*
check "nothing of CUDA is opened on the processor" nothing_of_cuda
if "$transit" --version | grep -q '^device cuda:'; then
  rm -f "$scratch"/loader.*
  LD_DEBUG=libs check "--version, looking at the loader" "$transit" --version
  ends 1 nothing_of_cuda
fi

finish
