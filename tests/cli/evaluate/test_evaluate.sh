# transit evaluate: ADM's evaluator on a small network (tests/data/goldens/adm), its cache, folders, stored references, figures
# without a network.
. "$(dirname "$0")/../common.sh"

goldens=$tests/data/goldens
adm=$goldens/adm
inception=$goldens/inception/inception.pth
evaluate="$transit evaluate --force"

# Copies: features are kept beside the pictures.
cp "$adm/ref.npz" "$adm/samples.npz" "$scratch"
chmod u+w "$scratch"/*.npz
sides="--samples $scratch/samples.npz --reference $scratch/ref.npz"

# shellcheck disable=SC2086
{
  check "as ADM's evaluator" $evaluate $sides --inception "$inception" --dtype f64 --out "$scratch/a"
  for word in fid sfid inception_score precision recall kid tf samples.npz ref.npz "stored statistics" "36 pictures"; do says "$word"; done
  warns "not 50000"
  json=$scratch/a/evaluate.json
  present "$json" "$scratch/a/run.json"
  near "$json" fid 0.7919486950674575 1e-9
  near "$json" sfid 924.8894659381174 1e-9
  near "$json" inception_score 1.1334223632642904 1e-9
  near "$json" precision 0.9 1e-12
  near "$json" recall 0.8888888888888888 1e-12
  equals "$(number "$json" n)" 50 "samples"
  equals "$(number "$json" reference_n)" null "the reference's number, which it does not say"
  equals "$(number "$json" preprocessing)" tf "preprocessing"
  for name in fid sfid inception_score precision recall kid; do
    checks=$((checks + 1))
    grep -q "\"${name}_ci95\": \[" "$json" || fail "no interval of $name"
  done

  grep -q '"kid_subsets": null' "$json" || fail "subsets of KID, which are none"
  check "subsets" $evaluate $sides --inception "$inception" --dtype f64 --kid-subsets 7 --kid-size 20 --out "$scratch/subsets"
  grep -q '"kid_subsets": 7,' "$scratch/subsets/evaluate.json" || fail "subsets of KID"
  grep -q '"kid_size": 20,' "$scratch/subsets/evaluate.json" || fail "samples of a subset"
  check "no subsets" $evaluate $sides --inception "$inception" --dtype f64 --kid-subsets 7 --out "$scratch/subsets"
  warns "--kid-subsets has no effect: KID is of all samples"

  # Features are kept; a damaged file of them is made again, and so are those of another preprocessing.
  equals "$(ls "$scratch/samples.npz.features" | wc -l)" 1 "shards"
  kept=$scratch/samples.npz.features/$(ls "$scratch/samples.npz.features")
  cp "$kept" "$scratch/kept.npz"
  check "from the cache" $evaluate $sides --inception "$inception" --dtype f64 --out "$scratch/b"
  same "$json" "$scratch/b/evaluate.json"
  head -c 3000 "$scratch/kept.npz" >"$kept"
  check "a damaged cache" $evaluate $sides --inception "$inception" --dtype f64 --batch-size 7 --threads 1 --out "$scratch/c"
  warns "made again"
  same "$json" "$scratch/c/evaluate.json"
  same "$scratch/kept.npz" "$kept"
  check "pytorch-fid's preprocessing" $evaluate $sides --inception "$inception" --preprocess torch --out "$scratch/torch"
  says "preprocessing: torch, in f32"
  equals "$(ls "$scratch/samples.npz.features" | wc -l)" 2 "shards of both preprocessings"
  less 0.001 "$(number "$scratch/torch/evaluate.json" fid)" "FID after another preprocessing"
  # Of one type, too, features of one preprocessing are not taken for those of the other.
  check "the same in f64" $evaluate $sides --inception "$inception" --preprocess torch --dtype f64 --out "$scratch/torch-f64"
  near "$scratch/torch-f64/evaluate.json" fid "$(number "$scratch/torch/evaluate.json" fid)" 1e-4
  equals "$(ls "$scratch/samples.npz.features" | wc -l)" 3 "shards of both preprocessings and types"

  # A folder of the same pictures, and a deflated copy: the same features.
  check "pictures" python3 "$tests/cli/evaluate/pictures.py" "$adm/samples.npz" "$scratch/folder" "$scratch/packed.npz" "$scratch/mixed"
  for other in folder packed.npz; do
    check "$other" $evaluate --samples "$scratch/$other" --reference "$scratch/ref.npz" --inception "$inception" --dtype f64 --out "$scratch/d"
    for name in fid sfid inception_score precision recall kid; do
      equals "$(number "$scratch/d/evaluate.json" $name)" "$(number "$json" $name)" "$name of $other"
    done
  done

  # What is kept of older contents of a file goes, and what was half written before the last hour.
  cp "$adm/samples.npz" "$scratch/changing.npz" && chmod u+w "$scratch/changing.npz"
  changing="$evaluate --samples $scratch/changing.npz --reference $scratch/ref.npz --inception $inception --out $scratch/changing"
  check "before" $changing
  before=$(ls "$scratch/changing.npz.features")
  cp "$scratch/packed.npz" "$scratch/changing.npz"
  half=$scratch/changing.npz.features/0123456789abcdef-0123456789abcdef-000000.npz
  printf x >"$half.7-0.tmp"
  printf x >"$half.7-1.tmp" && touch -t 202601010000 "$half.7-1.tmp"
  printf x >"$scratch/changing.npz.features/notes.tmp" && touch -t 202601010000 "$scratch/changing.npz.features/notes.tmp"
  check "after" $changing
  absent "$scratch/changing.npz.features/$before" "$half.7-1.tmp"
  present "$half.7-0.tmp" "$scratch/changing.npz.features/notes.tmp"
  rm "$half.7-0.tmp" "$scratch/changing.npz.features/notes.tmp"
  equals "$(ls "$scratch/changing.npz.features" | wc -l)" 1 "shards of the file as it is"

  # Statistics that are saved are a reference; of arr_0 they are the mistake.
  check "a reference of one's own" $evaluate --samples "$scratch/ref.npz" --inception "$inception" --dtype f64 --save-stats "$scratch/own.npz" \
    --out "$scratch/e"
  says "own.npz"
  equals "$(grep -c reference "$scratch/stderr")" 0 "warnings of a reference that there is not"
  check "against it" $evaluate --samples "$scratch/samples.npz" --reference "$scratch/own.npz" --inception "$inception" --dtype f64 --out "$scratch/f"
  near "$scratch/f/evaluate.json" fid 1.290203274105437 1e-9
  near "$scratch/f/evaluate.json" precision 0.9 1e-12
  equals "$(number "$scratch/f/evaluate.json" reference_n)" 36 "the number that it says"

  # A reference with mu and sigma alone: what is missing says why.
  check "less" python3 "$tests/cli/evaluate/less.py" "$adm/ref.npz" "$scratch/less.npz" mu sigma
  check "mu and sigma alone" $evaluate --samples "$scratch/samples.npz" --reference "$scratch/less.npz" --inception "$inception" --dtype f64 --out "$scratch/g"
  near "$scratch/g/evaluate.json" fid 0.7919486950674575 1e-9
  for name in sfid precision recall kid; do
    equals "$(number "$scratch/g/evaluate.json" $name)" null "$name"
    checks=$((checks + 1))
    sed -n '/"missing"/,/}/p' "$scratch/g/evaluate.json" | grep -q "\"$name\"" || fail "no reason why $name is missing"
  done

  # Features without a network.
  metrics=$goldens/metrics
  check "features" python3 "$tests/cli/evaluate/less.py" "$metrics/metrics.npz" "$scratch/gen.npz" gen=pool gen_spatial=spatial gen_logits=logits
  check "features" python3 "$tests/cli/evaluate/less.py" "$metrics/metrics.npz" "$scratch/real.npz" ref=pool ref_spatial=spatial
  check "given features" $evaluate --features "$scratch/gen.npz" --reference-features "$scratch/real.npz" --out "$scratch/h"
  check "their FID" python3 "$tests/cli/evaluate/less.py" "$metrics/metrics.npz" "" fid sfid precision recall
  while read -r name value; do near "$scratch/h/evaluate.json" "$name" "$value" 1e-9; done <"$scratch/stdout"
  equals "$(number "$scratch/h/evaluate.json" preprocessing)" null "preprocessing of features"
  check "their variants" python3 "$tests/cli/evaluate/less.py" "$metrics/metrics.npz" "" is_split_size_mean precision_recall_k5
  number_of() { sed -n "s/^$1 //p" "$scratch/stdout"; }
  score=$(number_of is_split_size_mean) recall=$(number_of precision_recall_k5)
  check "by other settings" $evaluate --features "$scratch/gen.npz" --reference-features "$scratch/real.npz" --score-block 100 --neighbours 5 --fid-inf 3 \
    --out "$scratch/variants"
  json=$scratch/variants/evaluate.json
  near "$json" inception_score "$score" 1e-10
  near "$json" recall "$recall" 1e-12
  grep -q '"neighbours": 5' "$json" && grep -q '"score_block": 100' "$json" || fail "settings"
  checks=$((checks + 1))
  python3 - "$json" <<'END' || fail "FID at three numbers, and the line through them: $(cat "$json")"
import json, sys
found = json.load(open(sys.argv[1]))
at = found["fid_at"]
assert [point["n"] for point in at] == [36, 198, 360] and abs(at[2]["fid"] / found["fid"] - 1) < 1e-12
x, y = [1 / point["n"] for point in at], [point["fid"] for point in at]
mean = sum(x) / 3
slope = sum((a - mean) * b for a, b in zip(x, y)) / sum((a - mean) ** 2 for a in x)
assert abs(sum(y) / 3 - slope * mean - found["fid_inf"]) < 1e-10 * found["fid"], found["fid_inf"]
assert found["fid_inf_ci95"] is None and "fid_inf" not in found["missing"]
END

  # Figures of pixels.
  digits=$tests/../experiments/digits/digits.npz
  check "without a network" $evaluate --samples "$digits" --reference "$digits" --classifier-free --out "$scratch/i"
  warns "--samples '$digits': 1797 samples, not 50000"
  long=$scratch/$(printf '%0120d' 0)
  mkdir "$long" && cp "$adm/samples.npz" "$long"
  check "a long path" $evaluate --samples "$long/samples.npz" --reference "$long/samples.npz" --classifier-free --out "$scratch/j"
  warns "50 samples, not 50000: distances fall as their number grows, compare at equal numbers only"
  equals "$(number "$scratch/i/evaluate.json" fid)" null "FID without a network"
  equals "$(number "$scratch/i/evaluate.json" nearest_class_accuracy)" 1.0 "classes of the nearest, which are the same"
  near "$scratch/i/evaluate.json" sliced_wasserstein 0 0
  check "samples" "$transit" sample ODE --ckpt "$tests/../experiments/digits/digits-ema.pt" --num-samples 12 --num-sampling-steps 4 --sampling-method heun2 \
    --out "$scratch/run"
  check "the folder of a run" $evaluate --samples "$scratch/run" --reference "$digits" --classifier-free --out "$scratch/j"
  says "12 of '$scratch/run/samples.npz'"
}

finish
