# --latent-size: states of another size than the trained one, in every command that opens a network; the trained size changes
# nothing; what is refused.
. "$(dirname "$0")/../common.sh"

model="--ckpt $digits --threads 2"
fixed="--sampling-method heun2 --num-sampling-steps 4"
draw="$transit sample ODE $model --num-samples 4 --seed 3 $fixed"

# shellcheck disable=SC2086
{
  # ---- the trained size ----
  check "as trained" $draw --out "$scratch/trained"
  check "the same size, given" $draw --latent-size 8,8 --out "$scratch/given"
  same "$scratch/trained/samples.npz" "$scratch/given/samples.npz"
  equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes on stderr"

  # ---- others: picture, samples and record follow ----
  check "wide" $draw --latent-size 8,12 --out "$scratch/wide"
  says "4 samples (1, 8, 12)"
  warns "the table 'pos_embed' is stored for another size: it is made again, of sines and cosines, for (1, 24, 64)"
  grep -q '"latent-size": \[' "$scratch/wide/run.json" || fail "the record lacks the size"
  checks=$((checks + 1))
  python3 - "$scratch/wide" <<'END' || fail "the shapes of what is written"
import struct, sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/samples.npz") as z:
    assert b"'shape': (4, 1, 8, 12)" in z.read("latents.npy")[:128]
    assert b"'shape': (4, 8, 12, 3)" in z.read("arr_0.npy")[:128]
width, height = struct.unpack(">II", open(sys.argv[1] + "/samples.png", "rb").read()[16:24])
assert width > height, (width, height)
END
  check "batches of it" $draw --latent-size 8,12 --batch-size 3 --out "$scratch/batches"
  same "$scratch/wide/samples.npz" "$scratch/batches/samples.npz"
  check "by the SDE" $transit sample SDE $model --latent-size 12,4 --num-samples 2 --num-sampling-steps 4 --cfg-scale 2 --out "$scratch/sde"
  check "from a start of its own" $draw --latent-size 8,12 --init "$scratch/wide/samples.npz" --reverse --out "$scratch/back"
  check "with a guide" $draw --latent-size 8,12 --guide-ckpt "$digits" --guide-scale 2 --out "$scratch/guided"
  # The model guided by itself is the model, to rounding.
  close "$scratch/wide/samples.npz" "$scratch/guided/samples.npz" f4 1e-4

  # ---- other commands ----
  npy "$scratch/x.npy" '<f4' '(2, 1, 4, 6)' $((2 * 24 * 4))
  npy "$scratch/t.npy" '<f8' '(2,)' 16
  other="$model --latent-size 4,6"
  check "likelihood" $transit likelihood $other --data "$scratch/x.npy" --trace exact $fixed --out "$scratch/likelihood"
  check "loss" $transit loss $other --data "$scratch/x.npy" --points 3 --out "$scratch/loss"
  check "field" $transit field $other --init "$scratch/x.npy" --times "$scratch/t.npy" --quantities velocity --out "$scratch/field"
  swept="$transit sweep --ckpt $digits --threads 2 --num-samples 2 --solvers euler --steps 2 --seeds 0 --tight-rtol 1e-3"
  check "sweep" $swept --latent-size 4,6 --out "$scratch/sweep"
  grep -q ',ok,' "$scratch/sweep/results.csv" || fail "the runs of a sweep"
  refuse 2 "latent-size" $swept --latent-size 6,4 --out "$scratch/sweep" # states of as many numbers are others

  # ---- trained on what is not square ----
  python3 - "$scratch" <<'END'
import struct, sys, zipfile
def npy(descr, shape, data):
    text = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    return b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode() + b"\n" + data
with zipfile.ZipFile(sys.argv[1] + "/wide.npz", "w") as z:
    z.writestr("images.npy", npy("|u1", (64, 4, 16), bytes((7 * i + i // 64) % 256 for i in range(64 * 64))))
    z.writestr("labels.npy", npy("<i4", (64,), struct.pack("<64i", *(i % 3 for i in range(64)))))
END
  wide="$transit train --data-path $scratch/wide.npz --global-batch-size 16 --hidden 16 --depth 1 --num-heads 2 --ema-decay 0.5"
  check "a training" $wide --max-steps 4 --sample-every 4 --num-samples 2 --num-sampling-steps 3 --out "$scratch/whole"
  check "a part of it" $wide --max-steps 2 --out "$scratch/parts"
  check "the rest" $transit train --resume "$scratch/parts" --max-steps 4
  same "$scratch/whole/checkpoints/0000004.safetensors" "$scratch/parts/checkpoints/0000004.safetensors"
  check "its samples" $transit sample ODE --ckpt "$scratch/whole/checkpoints/0000004.pt" --num-samples 2 $fixed --out "$scratch/of-wide"
  says "2 samples (1, 4, 16)" # of 16 tokens, which might have been 4 x 4
  check "its samples, square" $transit sample ODE --ckpt "$scratch/whole/checkpoints/0000004.pt" --latent-size 8,8 --num-samples 2 $fixed --out "$scratch/of-square"
  says "2 samples (1, 8, 8)"
  warns "the table 'pos_embed' is stored for another size"

  # ---- what is refused ----
  refuse 2 "latents of 8 x 9 cannot be cut into patches of side 2: give --latent-size H,W in multiples of it" $draw --latent-size 8,9 --out "$scratch/no"
  refuse 2 "--latent-size '8' has 1 entry: give 2" $draw --latent-size 8 --out "$scratch/no"
  refuse 2 "--latent-size" $draw --latent-size 0,8 --out "$scratch/no"
  refuse 1 "(2, 1, 4, 6)" $draw --latent-size 8,12 --init "$scratch/x.npy" --out "$scratch/no"
  refuse 1 "(2, 1, 4, 6)" $draw --latent-size 1024,1024 --init "$scratch/x.npy" --out "$scratch/no"
  warns "states of 1024 x 1024 are 262144 tokens: attention takes 1.1e+14 operations for one evaluation of one sample"
  check "as safetensors" $transit convert "$digits" "$scratch/moved.safetensors"
  cp "$digits.json" "$scratch/moved.safetensors.json"
  python3 - "$scratch/moved.safetensors" <<'END'
import json, struct, sys
raw = bytearray(open(sys.argv[1], "rb").read())
size, = struct.unpack("<Q", raw[:8])
at = 8 + size + json.loads(raw[8:8 + size])["pos_embed"]["data_offsets"][0]
raw[at:at + 4] = struct.pack("<f", 0.5)
open(sys.argv[1], "wb").write(raw)
END
  moved="$transit sample ODE --ckpt $scratch/moved.safetensors --num-samples 2 $fixed"
  check "a table of its own" $moved --latent-size 8,8 --out "$scratch/moved"
  refuse 2 "the table 'pos_embed' of these weights is not the one of sines and cosines (off by 0.5)" $moved --latent-size 8,12 --out "$scratch/no"
  npy "$scratch/points.npy" '<f4' '(4, 2)' 32
  check "states of numbers" $transit train --data-path "$scratch/points.npy" --max-steps 1 --global-batch-size 2 --out "$scratch/mlp"
  refuse 2 "states of 4 x 4: those of this network are of 2 numbers" $transit sample ODE --ckpt "$scratch/mlp/checkpoints/0000001.pt" --latent-size 4,4 --out "$scratch/no"
  absent "$scratch/no"
}

finish
