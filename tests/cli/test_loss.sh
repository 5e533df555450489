# transit loss: on a network that answers zero the loss is known; its table is one that KL-eta reads; the losses of rows and their
# gradient are the reference's.
. "$(dirname "$0")/common.sh"

data=$here/../../experiments/digits/digits.npz
loss="$transit loss --force --ckpt $digits"

# shellcheck disable=SC2086
{
  check "loss of the digits" $loss --data "$data" --num-samples 40 --points 4 --out "$scratch/a"
  says "over 40 rows and 4 times"
  present "$scratch/a/loss.txt" "$scratch/a/loss.npz" "$scratch/a/run.json"
  equals "$(grep -vc '^#' "$scratch/a/loss.txt")" 4 "lines of the table"
  equals "$(number "$scratch/a/run.json" rows)" 40 "rows"
  # The checkpoint has learned something: a velocity of zero has a loss of at least 1.
  equals "$(awk '!/^#/ && ($2 > 0.9 || $2 < 0.05)' "$scratch/a/loss.txt")" "" "losses from 0.05 to 0.9"
  check "other batches" $loss --data "$data" --num-samples 40 --points 4 --batch-size 7 --out "$scratch/b"
  same "$scratch/a/loss.txt" "$scratch/b/loss.txt"
  same "$scratch/a/loss.npz" "$scratch/b/loss.npz"
  check "another seed" $loss --data "$data" --num-samples 40 --points 4 --seed 1 --out "$scratch/c"
  differ "$scratch/a/loss.txt" "$scratch/c/loss.txt"
  differ "$scratch/a/loss.npz" "$scratch/c/loss.npz"
  # The error of a mean is s / sqrt(n), s over n - 1: two rows are their mean +- their error, and a third follows.
  for n in 2 3; do check "$n rows" $loss --data "$data" --num-samples $n --points 2 --out "$scratch/rows$n"; done
  says "over 3 rows and 2 times:"
  checks=$((checks + 1))
  paste "$scratch/rows2/loss.txt" "$scratch/rows3/loss.txt" | awk '!/^#/ { a = $2 + $5; b = $2 - $5; m = $7; c = 3 * m - a - b; n++
      off = $10 / sqrt(((a - m) ^ 2 + (b - m) ^ 2 + (c - m) ^ 2) / 2 / 3)
      print "error over", off, "times that of the rows"; if (!(off > 0.95 && off < 1.05)) bad = 1 }
    END { exit bad || n != 2 }' >"$scratch/stdout" ||
    fail "errors of 2 and 3 rows: $(cat "$scratch/stdout")"
  # The classes are those of the archive.
  check "one class for all" $loss --data "$data" --num-samples 40 --points 4 --class-labels 3 --out "$scratch/d"
  differ "$scratch/a/loss.txt" "$scratch/d/loss.txt"

  check "KL-eta with it" "$transit" sample SDE --ckpt "$digits" --diffusion-form KL-eta --eta 0.1 \
    --diffusion-table "$scratch/a/loss.txt" --num-samples 2 --num-sampling-steps 5 --out "$scratch/kl"
  check "a sweep over forms with it" "$transit" sweep --target gaussian:d=2,mean=1,std=0.25 --num-samples 20 --seeds 0:2 \
    --steps 4 --solvers euler-maruyama --diffusion-forms SBDM,KL-eta --eta 0.1 --diffusion-table "$scratch/a/loss.txt" \
    --last-steps None --out "$scratch/sweep"
  # Both factors of KL-eta at t = 1/2: D = (w/2) / sqrt(1 + 2 eta w^2 / L) with w = w^KL = 2 there, and w = 2 D.
  checks=$((checks + 1))
  awk 'FNR == NR { if (!/^#/) { n++; L[n] = $2 } next }
       /KL-eta, n = 1/ { split($0, cell, "|"); D = cell[4]; w = cell[5]; seen++
         low = L[2] < L[3] ? L[2] : L[3]; high = L[2] < L[3] ? L[3] : L[2]
         if (D < 1 / sqrt(1 + 0.8 / low) - 0.002 || D > 1 / sqrt(1 + 0.8 / high) + 0.002) bad = 1
         if (w / (2 * D) < 0.99 || w / (2 * D) > 1.01) bad = 1 }
       END { exit bad || !seen }' "$scratch/a/loss.txt" "$scratch/sweep/table.md" ||
    fail "the factors of KL-eta: $(grep KL-eta "$scratch/sweep/table.md")"
  # A table in Markdown has as many rules as headings.
  equals "$(awk -F'|' '/^\|---/ && NF != columns { print FNR } { columns = NF }' "$scratch/sweep/table.md")" "" \
    "lines of table.md whose rule does not fit"

  out=$scratch/refused
  refuse 1 "this model takes (N, 1, 8, 8)" $loss --data "$here/../data/npy/f8.npy" --out "$out"
  refuse 1 "no-such" $loss --data "$scratch/no-such.npz" --out "$out"
  refuse 2 "holds 1797 rows" $loss --data "$data" --num-samples 1798 --out "$out"
  refuse 2 "out of range" $loss --data "$data" --num-samples 4 --class-labels 12 --out "$out"
  refuse 2 "--points" $loss --data "$data" --points 1 --out "$out"
  npy "$scratch/one.npy" '<f4' '(1, 1, 8, 8)' 256
  refuse 2 "holds one row" $loss --data "$scratch/one.npy" --out "$out"
  npy "$scratch/noise.npy" '<f4' '(2, 1, 8, 8)' 512
  npy "$scratch/times.npy" '<f8' '(2,)' 16
  npy "$scratch/late.npy" '<f8' '(2,)' 16 '\100'
  refuse 1 "the shape must be (3, 1, 8, 8)" $loss --data "$data" --num-samples 3 --noise "$scratch/noise.npy" --out "$out"
  refuse 1 "the shape must be (3)" $loss --data "$data" --num-samples 3 --times "$scratch/times.npy" --out "$out"
  refuse 2 "--times has 32.5" $loss --data "$data" --num-samples 2 --times "$scratch/late.npy" --out "$out"
  refuse 2 "weight" $loss --data "$data" --num-samples 2 --times "$scratch/times.npy" --prediction noise --loss-weight velocity --out "$out"
  refuse 2 "--loss-weight" $loss --data "$data" --loss-weight heavy --out "$out"
  absent "$out"

  # Noise that is given is that of the table too, whatever the seed.
  for seed in 0 1; do
    check "given noise and times" $loss --data "$data" --num-samples 2 --points 3 --noise "$scratch/noise.npy" --times "$scratch/times.npy" \
      --seed $seed --out "$scratch/given$seed"
  done
  says "weight none"
  same "$scratch/given0/loss.txt" "$scratch/given1/loss.txt"
  same "$scratch/given0/loss.npz" "$scratch/given1/loss.npz"
}

# A network of zeros: its velocity is 0, so that L_t = (alpha' c)^2 + sigma'^2 on data of value c; as noise it is 0 too, and
# then the velocity is wrong by W / alpha times the noise.
zeros() {
  python3 - "$scratch/zeros.safetensors" "$scratch/c.npy" <<'END'
import json, struct, sys

hidden, area = 4, 4
linear = {"x_embedder.proj": (hidden, 1, 2, 2), "t_embedder.mlp.0": (hidden, 8), "t_embedder.mlp.2": (hidden, hidden),
          "blocks.0.attn.qkv": (3 * hidden, hidden), "blocks.0.attn.proj": (hidden, hidden),
          "blocks.0.mlp.fc1": (4 * hidden, hidden), "blocks.0.mlp.fc2": (hidden, 4 * hidden),
          "blocks.0.adaLN_modulation.1": (6 * hidden, hidden), "final_layer.linear": (2 * area, hidden),
          "final_layer.adaLN_modulation.1": (2 * hidden, hidden)}
shapes = {"pos_embed": (1, 4, hidden), "y_embedder.embedding_table.weight": (4, hidden)}
for name, shape in linear.items():
    shapes[name + ".weight"], shapes[name + ".bias"] = shape, shape[:1]
header, end = {}, 0
for name, shape in shapes.items():
    size = 4
    for extent in shape:
        size *= extent
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
    end += size
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + bytes(end))
rows = 2000
described = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1, 4, 4), }" % rows
described = described.encode() + b" " * (117 - len(described)) + b"\n"
open(sys.argv[2], "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + described + struct.pack("<f", 0.5) * (16 * rows))
END
}

# known PATH PREDICTION AWK: every loss is that of the expression in t, within 4 standard errors.
known() {
  check "$1, $2, zeros" "$transit" loss --ckpt "$scratch/zeros.safetensors" --num-heads 2 --path-type "$1" --prediction "$2" \
    --data "$scratch/c.npy" --points 5 --out "$scratch/zeros-$1-$2"
  checks=$((checks + 1))
  awk -v pi=3.14159265358979 'function square(x) { return x * x }
    !/^#/ { t = $1; want = '"$3"'; n++; if ($5 > 0.05 * want || square($2 - want) > square(4 * $5)) { bad = 1; print t, $2, want, $5 } }
    END { exit bad || n != 5 }' "$scratch/zeros-$1-$2/loss.txt" >"$scratch/stdout" ||
    fail "$1, $2: t, loss, expected, error: $(cat "$scratch/stdout")"
}

if command -v python3 >/dev/null 2>&1; then
  check "losses and gradients of the reference" env PYTHONDONTWRITEBYTECODE=1 python3 "$here/checks/check_loss.py" "$transit" "$scratch" \
    "$here/../data/goldens"
  cat "$scratch/stdout"
  check "a network of zeros" zeros
  known Linear velocity '1.25'
  known GVP velocity 'square(pi / 2 * cos(pi / 2 * t) / 2) + square(pi / 2 * sin(pi / 2 * t))'
  known Linear noise '1 / square(t)'
fi
finish
