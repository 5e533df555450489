# transit ema: averages by a power of the step, kept in training and made afterwards from snapshots.
. "$(dirname "$0")/../common.sh"

data=$here/../../../experiments/digits/digits.npz
small="$transit train --data-path $data --global-batch-size 16 --hidden 16 --depth 1 --num-heads 2 --lr 1e-3 --threads 1"
powers="$small --ema-decay 0.9 --ema-sigma-rel 0.05,0.15,0.1"
ema() { # the options of transit ema are those behind DIR
  from=$1
  shift
  "$transit" ema --from "$from" "$@"
}

# largest FILE FILE SET: the largest difference of two checkpoints over the largest number, in python.
difference() {
  python3 - "$@" <<'END'
import json, struct, sys


def tensors(path):
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8:8 + size])
    out = {}
    for name, entry in head.items():
        if name != "__metadata__":
            begin, end = (8 + size + k for k in entry["data_offsets"])
            assert entry["dtype"] == "F32"
            out[name] = struct.unpack("<%df" % ((end - begin) // 4), data[begin:end])
    return out


a, b = tensors(sys.argv[1]), tensors(sys.argv[2])
assert a.keys() == b.keys() and a
most = max(abs(x) for name in a for x in b[name])
print("%.3g" % (max(abs(x - y) for name in a for x, y in zip(a[name], b[name])) / most))
END
}

# shellcheck disable=SC2086
{
  # ---- snapshots ----
  check "a training" $powers --max-steps 60 --ema-every 4 --ckpt-every 25 --keep 1 --out "$scratch/whole"
  equals "$(ls "$scratch/whole/ema" | wc -l | tr -d ' ')" 45 "snapshots"
  present "$scratch/whole/ema/0000004-0.05.safetensors" "$scratch/whole/ema/0000060-0.15.safetensors"
  check "a part of it" $powers --max-steps 25 --ema-every 4 --out "$scratch/parts"
  present "$scratch/parts/ema/0000025-0.05.safetensors"
  check "the rest" "$transit" train --resume "$scratch/parts" --max-steps 60
  same "$scratch/whole/checkpoints/0000060.pt" "$scratch/parts/checkpoints/0000060.pt"
  same "$scratch/whole/ema/0000060-0.1.safetensors" "$scratch/parts/ema/0000060-0.1.safetensors"
  # the averages beside them change nothing
  check "without them" $small --ema-decay 0.9 --max-steps 60 --out "$scratch/without"
  equals "$(difference "$scratch/whole/checkpoints/0000060.safetensors" "$scratch/without/checkpoints/0000060.safetensors")" 0 "ema"
  check "without --ema-every" $powers --max-steps 9 --ckpt-every 4 --out "$scratch/usual"
  equals "$(cd "$scratch/usual/ema" && echo *-0.1.*)" "0000004-0.1.safetensors 0000008-0.1.safetensors 0000009-0.1.safetensors" \
    "snapshots with checkpoints"
  check "a snapshot is drawn" "$transit" sample ODE --ckpt "$scratch/whole/ema/0000060-0.1.safetensors" --num-samples 2 \
    --sampling-method euler --num-sampling-steps 3 --threads 1 --out "$scratch/drawn"

  # ---- made afterwards ----
  mkdir "$scratch/two"
  cp "$scratch/whole/ema"/*-0.05.safetensors "$scratch/whole/ema"/*-0.15.safetensors "$scratch/two"
  check "a width between" ema "$scratch/two" --sigma-rel 0.1 --out "$scratch/made.safetensors"
  says "of 30 snapshots (steps 4 to 60, sigma-rel 0.05 to 0.15)"
  off=$(difference "$scratch/made.safetensors" "$scratch/whole/ema/0000060-0.1.safetensors")
  less "$off" 1e-4 "the average made and the one kept"
  less 1e-3 "$(difference "$scratch/made.safetensors" "$scratch/whole/ema/0000060-0.05.safetensors")" "another average"
  check "at an earlier step" ema "$scratch/two" --sigma-rel 0.1 --step 40 --out "$scratch/early.safetensors"
  less "$(difference "$scratch/early.safetensors" "$scratch/whole/ema/0000040-0.1.safetensors")" 2e-4 "the same at an earlier step"
  check "of a training" ema "$scratch/whole" --sigma-rel 0.1 --out "$scratch/there.safetensors"
  says "from 1 of 45 snapshots"
  same_numbers=$(difference "$scratch/there.safetensors" "$scratch/whole/ema/0000060-0.1.safetensors")
  equals "$same_numbers" 0 "an average that is there"
  check "as .pt" ema "$scratch/two" --sigma-rel 0.1 --out "$scratch/made.pt"
  for file in made.pt made.safetensors; do
    check "its samples" "$transit" sample ODE --ckpt "$scratch/$file" --num-samples 2 --sampling-method euler --num-sampling-steps 3 \
      --threads 1 --out "$scratch/drawn.$file"
  done
  same "$scratch/drawn.made.pt/samples.npz" "$scratch/drawn.made.safetensors/samples.npz"
  check "inspect" "$transit" inspect "$scratch/made.pt"
  says "args ema_sigma_rel = 0.1"
  says "args ema_step = 60"
  says "args num_heads = 2"
  check "what cannot be made" ema "$scratch/two" --sigma-rel 0.01 --out "$scratch/narrow.pt"
  warns "give this average badly"

  # ---- --ckpt ----
  check "on from a training" $powers --ckpt "$scratch/whole/checkpoints/0000060.pt" --max-steps 61 --out "$scratch/on"
  equals "$(grep -c warning "$scratch/stderr")" 0 "warnings"
  check "on from one without" $powers --ckpt "$scratch/without/checkpoints/0000060.pt" --max-steps 61 --out "$scratch/anew"
  warns "begin anew"

  # ---- refused ----
  out=$scratch/refused.pt
  refuse 2 "at most 4 averages" $small --ema-decay 0.9,0.8 --ema-sigma-rel 0.05,0.15,0.1 --max-steps 1 --out "$out"
  refuse 2 "0.05 twice" $small --ema-sigma-rel 0.05,0.05 --max-steps 1 --out "$out"
  refuse 2 "--ema-sigma-rel" $small --ema-sigma-rel 0.3 --max-steps 1 --out "$out"
  refuse 2 "--ema-sigma-rel was" "$transit" train --resume "$scratch/parts" --ema-sigma-rel 0.2
  check "of no use" $small --ema-every 4 --max-steps 1 --out "$scratch/idle"
  warns "--ema-every has no effect"
  refuse 1 "holds no snapshots" ema "$scratch/without" --sigma-rel 0.1 --out "$out"
  refuse 1 "No such file" ema "$scratch/nowhere" --sigma-rel 0.1 --out "$out"
  refuse 2 "of steps 4 to 60" ema "$scratch/two" --sigma-rel 0.1 --step 61 --out "$out"
  refuse 2 "of steps 4 to 60" ema "$scratch/two" --sigma-rel 0.1 --step 3 --out "$out"
  refuse 2 "its name says the format" ema "$scratch/two" --sigma-rel 0.1 --out "$scratch/refused"
  refuse 2 "one of the snapshots" ema "$scratch/two" --sigma-rel 0.1 --out "$scratch/two/0000060-0.05.safetensors"
  refuse 2 "--sigma-rel" ema "$scratch/two" --sigma-rel 0.5 --out "$out"
  refuse 2 "--from is missing" "$transit" ema --sigma-rel 0.1 --out "$out"
  cp "$scratch/without/checkpoints/0000060.safetensors" "$scratch/two/0000061-0.05.safetensors"
  refuse 1 "ema_step is missing" ema "$scratch/two" --sigma-rel 0.1 --out "$out"
  head -c 1000 "$scratch/whole/ema/0000060-0.05.safetensors" >"$scratch/two/0000061-0.05.safetensors"
  refuse 1 "0000061-0.05.safetensors" ema "$scratch/two" --sigma-rel 0.1 --out "$out"
  { head -c -4 "$scratch/whole/ema/0000060-0.05.safetensors" && printf '\377\377\377\377'; } >"$scratch/nan"
  mv "$scratch/nan" "$scratch/two/0000061-0.05.safetensors"
  cp "$scratch/two/0000061-0.05.safetensors" "$scratch/two/0000060-0.05.safetensors"
  refuse 1 "two/0000060-0.05.safetensors': tensor '" ema "$scratch/two" --sigma-rel 0.05 --out "$out"
  cp "$scratch/whole/ema/0000060-0.05.safetensors" "$scratch/two/0000060-0.05.safetensors"
  check "another network" "$transit" train --data-path $data --global-batch-size 16 --hidden 8 --depth 1 --num-heads 2 --ema-sigma-rel 0.05 \
    --max-steps 3 --ema-every 3 --out "$scratch/other"
  cp "$scratch/other/ema/0000003-0.05.safetensors" "$scratch/two/0000061-0.05.safetensors"
  refuse 1 "has another shape of" ema "$scratch/two" --sigma-rel 0.1 --out "$out"
  absent "$out"
}

finish
