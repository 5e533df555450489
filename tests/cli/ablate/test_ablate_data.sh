# transit ablate --data-path: each training is that of 'transit train', judged by data that it has not seen.
. "$(dirname "$0")/../common.sh"
digits=$here/../../../experiments/digits/digits.npz
out=$scratch/out
ablate="$transit ablate"
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3"; exit 77; }

# 200 digits to train on and 24 others; 60 vectors of two numbers, without labels.
python3 - "$digits" "$scratch" <<'END'
import io, random, struct, sys, zipfile

digits, scratch = sys.argv[1:]


def header(raw):
    return 10 + struct.unpack("<H", raw[8:10])[0]


def array(descr, shape, data):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.ljust(117).encode() + b"\n" + data


with zipfile.ZipFile(digits) as source:
    images, labels = source.read("images.npy"), source.read("labels.npy")
size = 8 * 8
descr = images[:header(images)].split(b"'descr': '")[1].split(b"'")[0].decode()
of_label = labels[:header(labels)].split(b"'descr': '")[1].split(b"'")[0].decode()
assert descr == "|u1", descr
width = int(of_label[2:])
for name, first, n in (("train", 0, 200), ("held", 200, 24)):
    a, b = header(images) + first * size, header(labels) + first * width
    with zipfile.ZipFile(f"{scratch}/{name}.npz", "w") as out:
        out.writestr("images.npy", array(descr, (n, 8, 8), images[a:a + n * size]))
        out.writestr("labels.npy", array(of_label, (n,), labels[b:b + n * width]))
random.seed(1)
for name in ("vectors", "held", "others"):
    numbers = [random.gauss(0, 1) for _ in range(120)]
    open(f"{scratch}/{name}.npy", "wb").write(array("<f8", (60, 2), struct.pack("<120d", *numbers)))
END

# The model of a cell is the average of 'transit train' with its options, bit for bit.
small="--max-steps 8 --global-batch-size 20 --hidden 8 --depth 1 --lr 1e-3"
# shellcheck disable=SC2086
{
  check "digits" $ablate --data-path "$scratch/train.npz" --eval-path "$scratch/held.npz" --paths GVP --predictions velocity,noise --loss-weights velocity \
    --seeds 3:5 $small --ema-decay 0.9 "--train-args=--flip --clip-grad 1 --num-heads 2" --rtol 1e-2 --sde-steps 4 --likelihood-samples 6 --out "$out/digits"
  check "the same training" "$transit" train --data-path "$scratch/train.npz" --path-type GVP --prediction noise --loss-weight velocity --global-seed 4 $small \
    --ema-decay 0.9 --flip --clip-grad 1 --num-heads 2 --out "$out/train"
}
equals "$(cut -d, -f5 "$out/digits/results.csv" | sort -u | tr '\n' ' ')" "ok status " "status of every training"
check "equal tensors" python3 - "$out/digits/cells/GVP-noise-velocity-s4/model.safetensors" "$out/train/checkpoints/0000008.safetensors" <<'END'
import json, sys


def tensors(path):
    raw = open(path, "rb").read()
    n = int.from_bytes(raw[:8], "little")
    table = json.loads(raw[8:8 + n])
    table.pop("__metadata__", None)
    return {name: raw[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]] for name, t in table.items()}


a, b = map(tensors, sys.argv[1:])
assert a and a == b, [name for name in a if a[name] != b.get(name)]
END
check "tables" python3 "$here/check_ablate.py" "$out/digits"
grep -q '"eval_inputs": 24' "$out/digits/manifest.json" || fail "manifest.json does not say by how many inputs"
grep -q 'the 24 inputs of `--eval-path`, both as plain numbers' "$out/digits/table.md" || fail "table.md does not say what samples are compared with"

# The bits per dimension are those of 'transit likelihood', but for its draws: six inputs, two seeds of noise within the bins.
check "likelihood" "$transit" likelihood --ckpt "$out/digits/cells/GVP-velocity-any-s4/model.safetensors" --data "$scratch/held.npz" --num-samples 6 \
  --dequant uniform --sampling-method dopri5 --rtol 1e-5 --atol 1e-5 --dtype f64 --probes 64 --out "$out/bits"
equals "$(sed -n 's/.*nats, \([0-9.-]*\) +-.*/\1/p' "$scratch/stdout" | awk -v row="$(grep '^GVP,velocity,any,4,' "$out/digits/results.csv")" \
  '{ split(row, f, ","); d = $1 - f[18]; print (f[18] != "" && d < 0.05 && d > -0.05) }')" 1 "bits per dimension of $(cat "$scratch/stdout")"

# Vectors get an MLP. Other data are another ablation.
vectors="--data-path $scratch/vectors.npy --paths Linear --predictions velocity --loss-weights none --max-steps 10 --global-batch-size 8 --seeds 0:2"
eval="--eval-path $scratch/held.npy"
# shellcheck disable=SC2086
{
  check "vectors" $ablate $vectors $eval --out "$out/vectors"
  check "what models are judged by" python3 "$here/check_judged.py" "$transit" "$out/vectors" "$scratch/held.npy" "$scratch"
  check "tables of vectors" python3 "$here/check_ablate.py" "$out/vectors"
  check "the same to train and to judge" $ablate $vectors --eval-path "$scratch/vectors.npy" --out "$out/both"
  warns "--eval-path is --data-path"
  refuse 2 "--eval-path PATH is missing" $ablate $vectors --out "$out/none"
  refuse 2 "--likelihood-samples 61: --eval-path has 60 inputs" $ablate $vectors $eval --likelihood-samples 61 --out "$out/none"
  refuse 1 "none.npy" $ablate $vectors --eval-path "$scratch/none.npy" --out "$out/none"
  refuse 1 "holds images" $ablate $vectors --eval-path "$scratch/held.npz" --out "$out/none"
  refuse 2 "--model is for images" $ablate $vectors $eval --model SiT-S/2 --out "$out/none"
  refuse 2 "--num-heads is for images" $ablate $vectors $eval --train-args="--num-heads 2" --out "$out/none"
  mv "$scratch/others.npy" "$scratch/held.npy"
  refuse 2 "the target differs, or what the data hold" $ablate $vectors $eval --out "$out/vectors"
}
absent "$out/none"
finish
