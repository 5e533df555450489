# transit train --evaluate-every: the numbers of transit evaluate for the samples of transit sample, from the checkpoint of that
# step; logged; the same after a resume and on ranks; a training that is the same without them; what is refused.
. "$(dirname "$0")/../common.sh"

digits_data=$tests/../experiments/digits/digits.npz
network=$tests/data/goldens/inception/inception.pth
small="$transit train --global-batch-size 32 --hidden 16 --depth 1 --num-heads 2 --lr 5e-3 --ema-decay 0.8 --threads 2 --log-every 100"
few="--evaluate-samples 60 --num-sampling-steps 4"
heun="--sampling-method heun2 --num-samples 60 --num-sampling-steps 4 --threads 2"

# numbers FILE STEP: what metrics.jsonl says of an evaluation; numbers FILE: evaluate.json. A name and its value a line.
numbers() {
  python3 - "$@" <<'END'
import json, sys
names = "fid sfid inception_score precision recall kid sliced_wasserstein mmd nearest_class_accuracy".split()
if len(sys.argv) > 2:
    found = [json.loads(l) for l in open(sys.argv[1])]
    found = [l for l in found if l["step"] == int(sys.argv[2]) and "evaluated" in l]
    assert len(found) == 1, found
else:
    found = [json.load(open(sys.argv[1]))]
for name in names:
    if found[0].get(name) is not None:
        print(name, f"{found[0][name]:.12g}")
END
}

# agree A B: the same names, and values to 1e-6.
agree() {
  checks=$((checks + 1))
  paste -d ' ' "$1" "$2" | awk 'NF != 4 || $1 != $3 { bad = 1 } { d = $2 - $4; if (d < 0) d = -d; if (d > 1e-6 * ($4 < 0 ? -$4 : $4) + 1e-9) bad = 1 }
    END { exit bad || NR == 0 }' || fail "$1 and $2: $(paste -d ' ' "$1" "$2")"
}

# A part of the digits: of so few the metrics take all rows, in whatever order.
python3 - "$digits_data" "$scratch" <<'END'
import struct, sys, zipfile
def read(z, name):
    raw = z.read(name + ".npy")
    return raw[10 + struct.unpack("<H", raw[8:10])[0]:]
def npy(descr, shape, data):
    text = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    return b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode() + b"\n" + data
with zipfile.ZipFile(sys.argv[1]) as z:
    raw = z.read("labels.npy")
    size = 8 if b"i8" in raw[:128] else 4
    images, labels = read(z, "images")[:200 * 64], read(z, "labels")[:200 * size]
with zipfile.ZipFile(sys.argv[2] + "/data.npz", "w") as out:
    out.writestr("images.npy", npy("|u1", (200, 8, 8), images))
    out.writestr("labels.npy", npy("<i%d" % size, (200,), labels))
with zipfile.ZipFile(sys.argv[2] + "/colours.npz", "w") as out:
    out.writestr("images.npy", npy("|u1", (64, 16, 16, 3), bytes((i * i // 7 + i % 13 * 11) % 256 for i in range(64 * 768))))
    out.writestr("labels.npy", npy("<i4", (64,), struct.pack("<64i", *(i % 4 for i in range(64)))))
with zipfile.ZipFile(sys.argv[2] + "/reference.npz", "w") as out:
    out.writestr("arr_0.npy", npy("|u1", (40, 8, 8), images[:40 * 64]))
END
data="--data-path $scratch/data.npz"

# shellcheck disable=SC2086
{
  # ---- against the data ----
  check "without" $small $data --max-steps 9 --ckpt-every 4 --out "$scratch/without"
  check "with" $small $data --max-steps 9 --ckpt-every 4 --evaluate-every 4 $few --out "$scratch/with"
  same "$scratch/without/checkpoints/0000009.pt" "$scratch/with/checkpoints/0000009.pt"
  check "drawn" $transit sample ODE --ckpt "$scratch/with/checkpoints/0000008.pt" $heun --out "$scratch/drawn"
  check "measured" $transit evaluate --samples "$scratch/drawn/samples.npz" --reference "$scratch/data.npz" --classifier-free --out "$scratch/measured"
  numbers "$scratch/with/metrics.jsonl" 8 >"$scratch/while"
  numbers "$scratch/measured/evaluate.json" >"$scratch/after"
  equals "$(wc -l <"$scratch/while" | tr -d ' ')" 3 "numbers"
  agree "$scratch/while" "$scratch/after"
  grep -q '"step":8,"evaluated":60,"reference":"data-path","reference_n":200,"sampler":"heun2","num_sampling_steps":4,"cfg_scale":1.0,"nfe":6' \
    "$scratch/with/metrics.jsonl" || fail "the sampler and its evaluations: $(cat "$scratch/with/metrics.jsonl")"
  grep -q '^step 8: 60 samples: sliced_wasserstein ' "$scratch/with/log.txt" || fail "log.txt: $(cat "$scratch/with/log.txt")"
  check "events" python3 "$here/../checks/check_events.py" "$scratch/with"/events.out.tfevents.*
  says "evaluate/sliced_wasserstein"

  # ---- resumed: the same numbers ----
  check "a part" $small $data --max-steps 6 --ckpt-every 4 --evaluate-every 4 $few --out "$scratch/parts"
  check "the rest" $transit train --resume "$scratch/parts" --max-steps 9
  for step in 4 8; do
    numbers "$scratch/parts/metrics.jsonl" $step >"$scratch/parts-$step"
    numbers "$scratch/with/metrics.jsonl" $step >"$scratch/with-$step"
    same "$scratch/parts-$step" "$scratch/with-$step"
  done

  # ---- ended behind a checkpoint, before its samples were drawn and measured: made by the resume, once ----
  made=$scratch/made
  check "all of it" $small $data --max-steps 8 --ckpt-every 4 --evaluate-every 4 $few --sample-every 8 --num-samples 4 --out "$made"
  numbers "$made/metrics.jsonl" 8 >"$scratch/made-8"
  mv "$made/samples" "$scratch/samples-of-8"
  grep -v '"step":8,"evaluated"' "$made/metrics.jsonl" >"$scratch/cut.jsonl"
  mv "$scratch/cut.jsonl" "$made/metrics.jsonl"
  check "made up for" $transit train --resume "$made"
  says "finished at step 8 of 8"
  numbers "$made/metrics.jsonl" 8 >"$scratch/again-8"
  same "$scratch/made-8" "$scratch/again-8"
  for file in "$scratch/samples-of-8"/*; do same "$file" "$made/samples/$(basename "$file")"; done
  check "made once" $transit train --resume "$made"
  says "there was nothing to do"
  equals "$(grep -c '"step":8,"evaluated"' "$made/metrics.jsonl")" 1 "evaluations of step 8"

  # ---- guided, and by a network against pictures of one's own ----
  reference="--evaluate-reference $scratch/reference.npz --inception $network"
  check "by the network" $small $data --max-steps 4 --evaluate-every 4 $few --evaluate-scale 2 $reference --out "$scratch/network"
  warns "--evaluate-every: samples: 60 samples, not 50000"
  warns "--evaluate-every: samples: fewer samples than features (60, 128)"
  check "drawn, guided" $transit sample ODE --ckpt "$scratch/network/checkpoints/0000004.pt" --cfg-scale 2 $heun --out "$scratch/guided"
  check "measured by it" $transit evaluate --samples "$scratch/guided/samples.npz" --reference "$scratch/reference.npz" --inception "$network" \
    --no-cache --out "$scratch/by-network"
  numbers "$scratch/network/metrics.jsonl" 4 >"$scratch/while"
  numbers "$scratch/by-network/evaluate.json" >"$scratch/after"
  checks=$((checks + 1))
  grep -q '^fid ' "$scratch/while" || fail "no FID: $(cat "$scratch/while")"
  agree "$scratch/while" "$scratch/after"
  grep -q '"preprocessing":"tf"' "$scratch/network/metrics.jsonl" || fail "the preprocessing is not named"

  # ---- what has no pictures ----
  npy "$scratch/points.npy" '<f4' '(64, 2)' 512
  check "vectors" $transit train --data-path "$scratch/points.npy" --global-batch-size 16 --hidden 8 --depth 1 --max-steps 2 --evaluate-every 2 $few \
    --out "$scratch/vectors"
  grep -q '"sliced_wasserstein":[0-9]' "$scratch/vectors/metrics.jsonl" || fail "vectors: $(cat "$scratch/vectors/metrics.jsonl")"
  grep -q '"nearest_class_accuracy":null' "$scratch/vectors/metrics.jsonl" || fail "vectors have no classes"
  check "wild weights" $transit train --data-path "$scratch/points.npy" --global-batch-size 16 --hidden 8 --depth 1 --lr 1e30 --ema-decay 0 \
    --max-steps 1 --evaluate-every 1 $few --out "$scratch/wild"
  warns "no evaluation of step 1"

  # ---- latents, decoded ----
  vae=$tests/data/goldens/vae2/names
  check "to latents" $transit encode --vae "$vae" --data "$scratch/colours.npz" --out "$scratch/latents.npz"
  latents="--data-path $scratch/latents.npz --vae $vae"
  check "latents" $small $latents --max-steps 2 --sample-every 2 --num-samples 2 --evaluate-every 2 $few \
    --evaluate-reference "$scratch/colours.npz" --inception "$network" --out "$scratch/of-latents"
  present "$scratch/of-latents/samples/0000002.png"
  grep -q '"fid":[0-9]' "$scratch/of-latents/metrics.jsonl" || fail "latents: $(cat "$scratch/of-latents/metrics.jsonl")"
  grep -q '"autoencoder": {' "$scratch/of-latents/run.json" || fail "the autoencoder is not in run.json"
  check "drawn from latents" $transit sample ODE --ckpt "$scratch/of-latents/checkpoints/0000002.pt" $heun --out "$scratch/drawn-latents"
  check "decoded" $transit decode --vae "$vae" --data "$scratch/drawn-latents/samples.npz" --levels-only --out "$scratch/decoded-latents"
  check "measured, decoded" $transit evaluate --samples "$scratch/decoded-latents/images.npz" --reference "$scratch/colours.npz" \
    --inception "$network" --no-cache --out "$scratch/by-decoding"
  numbers "$scratch/of-latents/metrics.jsonl" 2 >"$scratch/while"
  numbers "$scratch/by-decoding/evaluate.json" >"$scratch/after"
  agree "$scratch/while" "$scratch/after"
  check "latents without pictures" $small --data-path "$scratch/latents.npz" --max-steps 2 --evaluate-every 2 $few --out "$scratch/numbers"
  grep -q '"sliced_wasserstein":[0-9]' "$scratch/numbers/metrics.jsonl" || fail "numbers of latents"
  check "latents as they are" $small $latents --max-steps 2 --evaluate-every 2 $few --out "$scratch/as-they-are"
  warns "--vae has no effect: samples are compared with the states of --data-path as they are"
  numbers "$scratch/numbers/metrics.jsonl" 2 >"$scratch/while"
  numbers "$scratch/as-they-are/metrics.jsonl" 2 >"$scratch/after"
  same "$scratch/while" "$scratch/after"
  refuse 2 "latents of 4 channels" $small $data --vae "$vae" --max-steps 2 --sample-every 2 --out "$scratch/refused"
  absent "$scratch/refused"
  check "an autoencoder of no use" $small $latents --max-steps 1 --out "$scratch/idle-vae"
  warns "--vae has no effect: it is of --sample-every and --evaluate-every"

  # ---- ranks ----
  if command -v mpirun >/dev/null 2>&1; then
    check "two ranks" on 2 $small $data --max-steps 4 --evaluate-every 4 $few --out "$scratch/ranks"
    numbers "$scratch/ranks/metrics.jsonl" 4 >"$scratch/of-ranks"
    checks=$((checks + 1))
    paste -d ' ' "$scratch/of-ranks" "$scratch/with-4" | awk '{ d = $2 / $4 - 1; if (d < 0) d = -d; if (d > 1e-2) bad = 1 } END { exit bad || NR != 3 }' ||
      fail "ranks: $(paste -d ' ' "$scratch/of-ranks" "$scratch/with-4")"
  fi

  # ---- refused, and of no use ----
  out=$scratch/refused
  refuse 2 "--inception without --evaluate-reference" $small $data --max-steps 4 --evaluate-every 4 --inception "$network" --out "$out"
  refuse 2 "--evaluate-reference is for samples that have pictures" $transit train --data-path "$scratch/points.npy" --global-batch-size 16 \
    --max-steps 2 --evaluate-every 2 --evaluate-reference "$scratch/reference.npz" --out "$out"
  refuse 2 "no-such.npz' is no file or folder" $small $data --max-steps 4 --evaluate-every 4 --evaluate-reference "$scratch/no-such.npz" --out "$out"
  refuse 2 "--evaluate-samples" $small $data --max-steps 4 --evaluate-every 4 --evaluate-samples 1 --out "$out"
  absent "$out"
  check "of no use" $small $data --max-steps 1 --evaluate-samples 50 --inception "$network" --out "$scratch/idle"
  warns "--evaluate-samples has no effect: it is of --evaluate-every"
  warns "--inception has no effect"
}

finish
