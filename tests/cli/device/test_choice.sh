# The choice of a device, and what is said of one that cannot be used, by devices that the emulator pretends to have
# (tests/simt/runtime/device.cpp).
. "$(dirname "$0")/../common.sh"
run="$transit sample ODE --ckpt $here/../../../experiments/digits/digits-ema.pt --num-samples 1 --sampling-method euler --num-sampling-steps 2 --threads 1"
out=$scratch/out

# shellcheck disable=SC2086
refused() { # refused TEXT DEVICE: in one line, with status 1, and nothing is written
  refuse 1 "$1" $run --device "$2" --out "$out"
  absent "$out"
}
# shellcheck disable=SC2086
chosen() { # chosen ASKED DEVICE [TEXT]: told in one line, and why not another
  check "$1" $run --device "$1" --out "$out" --force
  warns "transit sample: --device $1: $2"
  equals "$(grep -c . "$scratch/stderr")" 1 "lines for $1"
  equals "$(number "$out/run.json" device)" "$2" "the device for $1"
  [ -z "${3-}" ] || warns "$3"
  rm -rf "$out"
}
devices() { # devices TEXT: what --version says
  check "version" "$transit" --version
  says "$1"
}

devices "emulated:0 emulated device (9.0, "
chosen auto emulated:0
chosen emulated:auto emulated:0
refused "the machine has 1, and the last is emulated:0" emulated:1
refused "this build has no CUDA" cuda:0

export SIMT_DRIVER=none
devices "no device: this machine has no NVIDIA driver"
refused "this machine has no NVIDIA driver: install one" emulated:0
chosen auto cpu "this machine has no NVIDIA driver"
export SIMT_DRIVER=12.4
devices "the NVIDIA driver serves CUDA 12.4 and transit was built with 13.0"
refused "serves CUDA 12.4 and transit was built with 13.0: install a newer driver" emulated:0
unset SIMT_DRIVER

export SIMT_DEVICES=0
refused "the NVIDIA driver shows none (CUDA_VISIBLE_DEVICES is not set)" emulated:0
export CUDA_VISIBLE_DEVICES=-1
refused "CUDA_VISIBLE_DEVICES is -1" emulated:0
unset CUDA_VISIBLE_DEVICES

export SIMT_DEVICES=3 SIMT_CAPABILITY=7.5,9.0 SIMT_MODE=free,free,closed
devices "emulated:0 emulated device (7.5, 8 GiB) cannot be used: its compute capability is 7.5, and 8.0 is needed"
devices "emulated:2 emulated device (9.0, 8 GiB) cannot be used: it is closed to programs"
chosen auto emulated:1 "its compute capability is 7.5"
chosen emulated:auto emulated:1
refused "its compute capability is 7.5, and 8.0 is needed" emulated:0
refused "it is closed to programs (nvidia-smi -i 2 -c DEFAULT opens it)" emulated:2
refused "the machine has 3, and the last is emulated:2" emulated:3

export SIMT_CAPABILITY=9.0 SIMT_MODE=busy,busy,free
chosen auto emulated:2 "the device 'emulated:0' cannot be opened"
chosen emulated:auto emulated:2 "another program has it for itself"
export SIMT_MODE=busy
refused "the device 'emulated:0' cannot be opened" emulated:auto

export SIMT_DEVICES=1
refused "another program has it for itself" emulated:0
chosen auto cpu "another program has it for itself"
unset SIMT_DEVICES SIMT_CAPABILITY SIMT_MODE

export SIMT_MEMORY=1000
refused "the device 'emulated:0' cannot be opened: out of memory: its memory is taken" emulated:0
unset SIMT_MEMORY

finish
