# The bundled digits are what experiments/train-digits.sh says of them: of 200 that are drawn 96 in a hundred are classed right by
# their neighbours among the real ones, by the ODE and by the SDE; the file beside them names their bytes and their making.
. "$(dirname "$0")/../common.sh"

home=$here/../../../experiments
digits=$home/digits/digits-ema.pt
data=$home/digits/digits.npz
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3"; exit 77; }

said() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p" "$digits.json"; }

less "$(wc -c <"$digits")" 3000001 "bytes of the bundled checkpoint"
equals "$(said sha256)" "$(sha256sum "$digits" | cut -d ' ' -f 1)" "the hash beside it"
equals "$(said data_sha256)" "$(sha256sum "$data" | cut -d ' ' -f 1)" "the hash of what it was trained on"
equals "$(said steps)" "$(sed -n 's/^steps=//p' "$home/train-digits.sh")" "steps of the script"
equals "$(said global_seed)" "$(sed -n 's/^seed=//p' "$home/train-digits.sh")" "seed of the script"
written=$(sed -n "s/^training=\"\(.*\)\"\$/\1/p" "$home/train-digits.sh" | sed "s/\\\$steps/$(said steps)/; s/\\\$seed/$(said global_seed)/")
equals "$(said training)" "transit train --data-path experiments/digits/digits.npz $written" "the command"

check "200 digits, twice" env TRANSIT="$transit" sh "$home/digits/draw.sh" "$digits" 200 2 "$scratch/drawn"
check "their classes" python3 "$home/digits/classify.py" --least 96 "$data" "$scratch/drawn/ode/samples.npz" "$scratch/drawn/sde/samples.npz"
cat "$scratch/stdout"
# Digits that are drawn whatever the class (guidance 0) are not let through.
check "no class" "$transit" sample ODE --ckpt "$digits" --num-samples 20 --cfg-scale 0 --rtol 1e-2 --threads 1 --out "$scratch/any"
checks=$((checks + 1))
! python3 "$home/digits/classify.py" --least 96 "$data" "$scratch/any/samples.npz" >"$scratch/stdout" || fail "without a class: $(cat "$scratch/stdout")"
finish
