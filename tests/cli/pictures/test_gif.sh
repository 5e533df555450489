# --gif: an animation beside the same samples; its frames, of states and of data predictions, with save times, in batches and on
# ranks; what is refused.
. "$(dirname "$0")/../common.sh"

model="--ckpt $digits --threads 2"
draw="$transit sample ODE $model --num-samples 6 --seed 3 --sampling-method heun2 --num-sampling-steps 5"
gif="--gif --gif-frames 5 --gif-samples 4"

# frames FILE: "WIDTH HEIGHT: DELAY DELAY ..." of an animation, its blocks walked through.
frames() {
  python3 - "$1" <<'END'
import struct, sys
b = open(sys.argv[1], "rb").read()
assert b[:6] == b"GIF89a" and b[-1:] == b";" and b.count(b"NETSCAPE2.0\3\1\0\0") == 1
width, height, packed = struct.unpack("<HHB", b[6:11])
at, delays, pictures = 13 + 3 * (2 << (packed & 7)), [], 0
def blocks(at):
    while b[at]:
        at += 1 + b[at]
    return at + 1
while b[at] != 0x3b:
    if b[at] == 0x21:
        if b[at + 1] == 0xf9:
            delays.append(struct.unpack("<H", b[at + 4:at + 6])[0])
        at = blocks(at + 2)
    else:
        assert struct.unpack("<BHHHHB", b[at:at + 10]) == (0x2c, 0, 0, width, height, 0)
        pictures, at = pictures + 1, blocks(at + 11)
assert pictures == len(delays) and at == len(b) - 1
print(f"{width} {height}: {' '.join(map(str, delays))}")
END
}

# shellcheck disable=SC2086
{
  cp "$tests/data/goldens/ema.pt" "$scratch/guide.pt"
  echo '{"num_heads": 3}' >"$scratch/guide.pt.json"

  # ---- the samples are the same ----
  check "samples alone" $draw --out "$scratch/alone"
  absent "$scratch/alone/samples.gif"
  check "an animation" $draw $gif --out "$scratch/gif"
  says "samples.png, samples.gif and run.json"
  same "$scratch/alone/samples.npz" "$scratch/gif/samples.npz"
  same "$scratch/alone/samples.png" "$scratch/gif/samples.png"
  equals "$(number "$scratch/gif/run.json" nfe)" 8 "evaluations"
  equals "$(frames "$scratch/gif/samples.gif")" "134 134: 6 6 6 6 150" "size and frames"
  check "again" $draw $gif --out "$scratch/again"
  same "$scratch/gif/samples.gif" "$scratch/again/samples.gif"
  check "in batches" $draw $gif --batch-size 3 --out "$scratch/batches"
  same "$scratch/gif/samples.gif" "$scratch/batches/samples.gif"
  same "$scratch/gif/samples.npz" "$scratch/batches/samples.npz"

  # ---- frames are states of the run: those that --save-times keeps ----
  check "save times" $draw --save-times 0.25,0.5,0.6 --out "$scratch/saved"
  check "save times and frames" $draw --save-times 0.25,0.5,0.6 $gif --out "$scratch/both"
  same "$scratch/saved/samples.npz" "$scratch/both/samples.npz"
  same "$scratch/gif/samples.gif" "$scratch/both/samples.gif"
  grep -q '"times": \[' "$scratch/both/run.json" || fail "the record lacks the times"

  # ---- what the model takes for the data ----
  check "denoised" $draw $gif --gif-of denoised --cfg-scale 2 --out "$scratch/denoised"
  equals "$(number "$scratch/denoised/run.json" nfe)" 8 "evaluations of the solve"
  grep -q '"nfe_all_batches": 5$' "$scratch/denoised/run.json" || fail "evaluations of the frames"
  differ "$scratch/gif/samples.gif" "$scratch/denoised/samples.gif"
  check "guided and denoised" $draw $gif --gif-of denoised --guide-ckpt "$digits" --guide-scale 2 --out "$scratch/guided"
  says "(in all batches 8 of the model, 8 of the guide)"

  # ---- other runs ----
  check "the SDE" $transit sample SDE $model --num-samples 6 --num-sampling-steps 6 $gif --out "$scratch/sde"
  equals "$(frames "$scratch/sde/samples.gif")" "134 134: 6 6 6 6 150" "frames of the SDE"
  check "the SDE alone" $transit sample SDE $model --num-samples 6 --num-sampling-steps 6 --out "$scratch/sde-alone"
  same "$scratch/sde-alone/samples.npz" "$scratch/sde/samples.npz"
  check "restart" $transit sample SDE $model --num-samples 2 --sampling-method restart --restart-intervals 0.3,0.6 --num-sampling-steps 6 $gif \
    --out "$scratch/restart"
  check "the way back" $draw --init "$scratch/alone/samples.npz" --reverse $gif --out "$scratch/back"
  check "adaptive" $transit sample ODE $model --num-samples 6 --seed 3 --gif --gif-frames 30 --out "$scratch/adaptive"
  check "adaptive, alone" $transit sample ODE $model --num-samples 6 --seed 3 --out "$scratch/adaptive-alone"
  same "$scratch/adaptive-alone/samples.npz" "$scratch/adaptive/samples.npz"
  check "cut short" $draw $gif --max-nfe 5 --out "$scratch/short"
  equals "$(frames "$scratch/short/samples.gif")" "134 134: 6 6 150" "frames of a run that was cut short"
  check "not square" $draw $gif --latent-size 8,12 --out "$scratch/wide"
  equals "$(frames "$scratch/wide/samples.gif")" "198 134: 6 6 6 6 150" "size of a wide one"
  if command -v mpirun >/dev/null 2>&1; then
    check "two ranks" on 2 $draw $gif --batch-size 2 --out "$scratch/ranks"
    same "$scratch/gif/samples.gif" "$scratch/ranks/samples.gif"
    check "two ranks, denoised" on 2 $draw $gif --batch-size 2 --gif-of denoised --cfg-scale 2 --out "$scratch/ranks-denoised"
    same "$scratch/denoised/samples.gif" "$scratch/ranks-denoised/samples.gif"
  fi

  # ---- latents, each frame decoded ----
  latents="$transit sample ODE --ckpt $tests/data/goldens/ema.pt --num-heads 3 --vae $tests/data/goldens/vae2/names --num-samples 3 --seed 3
    --sampling-method heun2 --num-sampling-steps 4"
  check "latents alone" $latents --out "$scratch/latents-alone"
  check "latents" $latents --gif --gif-frames 3 --gif-samples 2 --out "$scratch/latents"
  same "$scratch/latents-alone/samples.npz" "$scratch/latents/samples.npz"
  equals "$(frames "$scratch/latents/samples.gif")" "134 68: 6 6 150" "frames of latents"
  check "latents that are not square" $latents --latent-size 4,6 --guide-ckpt "$scratch/guide.pt" --guide-scale 1.5 --gif --gif-frames 2 --gif-samples 1 \
    --gif-of denoised --out "$scratch/latents-wide"
  equals "$(frames "$scratch/latents-wide/samples.gif")" "100 68: 6 150" "frames of latents that are not square"

  # ---- another reader ----
  if python3 -c 'import PIL, numpy' 2>/dev/null; then
    checks=$((checks + 1))
    python3 - "$scratch/gif" <<'END' || fail "what Pillow reads"
import sys
import numpy
from PIL import Image, ImageSequence
shots = [numpy.array(f.convert("RGB")) for f in ImageSequence.Iterator(Image.open(sys.argv[1] + "/samples.gif"))]
levels = numpy.load(sys.argv[1] + "/samples.npz")["arr_0"]
assert len(shots) == 5 and all((shots[-1][2 + 66 * (i // 2):, 2 + 66 * (i % 2):][:64:8, :64:8] == levels[i]).all() for i in range(4))
END
  fi

  # ---- what is refused ----
  npy "$scratch/points.npy" '<f4' '(4, 2)' 32
  check "states of numbers" $transit train --data-path "$scratch/points.npy" --max-steps 1 --global-batch-size 2 --out "$scratch/mlp"
  refuse 2 "--gif needs pictures" $transit sample ODE --ckpt "$scratch/mlp/checkpoints/0000001.pt" --gif --out "$scratch/no"
  refuse 2 "--gif keeps states on the way" $draw $gif --shard-size 2 --out "$scratch/no"
  refuse 2 "save time 0.2 follows 0.5" $draw $gif --save-times 0.5,0.2 --out "$scratch/no"
  refuse 2 "denoiser" $transit sample ODE $model --prediction noise --sample-eps 0 $gif --gif-of denoised --out "$scratch/no"
  absent "$scratch/no"
  check "without it" $draw --gif-frames 7 --out "$scratch/idle"
  warns "--gif-frames has no effect: an animation needs --gif"
}

finish
