# FILE.json beside a checkpoint: arguments that the checkpoint lacks, in every command, and what is refused.
. "$(dirname "$0")/common.sh"

goldens=$here/../data/goldens
bundled=$digits.json
cp "$digits" "$scratch/bare.pt"
beside=$scratch/bare.pt.json
sha() { sha256sum "$1" | cut -d' ' -f1; }

# beside TEXT: what stands beside bare.pt.
beside() { printf '%s' "$1" >"$beside"; }

# The bundled digits: as their training has them, in every command that opens a checkpoint.
check "inspect" "$transit" inspect "$digits"
says "weights: 72 tensors, 478600 parameters and a table of 1024, 1.9 MB (in use)" # the table of positions
says "heads: 4 (from args num_heads)"
says "args num_heads = 4 (from $bundled)"
says "args path_type = Linear (from $bundled)"
says "args learn_sigma = True (from $bundled)"
says "args loss_weight = None (from $bundled)"
check "sample" "$transit" sample ODE --ckpt "$digits" --num-samples 2 --rtol 0.1 --out "$scratch/bundled"
check "sample of a copy" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-heads 4 --num-samples 2 --rtol 0.1 --out "$scratch/copy"
same "$scratch/bundled/samples.npz" "$scratch/copy/samples.npz"
check "loss" "$transit" loss --ckpt "$digits" --data "$here/../../experiments/digits/digits.npz" --num-samples 4 --points 3 --out "$scratch/loss"
check "likelihood" "$transit" likelihood --ckpt "$digits" --data "$here/../../experiments/digits/digits.npz" --num 1 --probes 1 --rtol 0.1 --out "$scratch/likelihood"
for record in "$scratch/bundled/run.json" "$scratch/loss/run.json" "$scratch/likelihood/run.json"; do
  checks=$((checks + 1))
  grep -qF "\"sha256\": \"$(sha "$bundled")\"" "$record" || fail "$record does not hold the hash of $bundled"
  grep -qF "\"file\": \"$bundled\"" "$record" || fail "$record does not name $bundled"
  grep -qF '"num_heads": "4"' "$record" || fail "$record does not hold the arguments"
done
grep -qF '"args_file": null' "$scratch/copy/run.json" || fail "run.json of a checkpoint alone has no args_file of null"

# A checkpoint alone does not tell its heads.
refuse 2 "give --num-heads H, or num_heads in FILE.json beside it" "$transit" sample ODE --ckpt "$scratch/bare.pt" --out "$scratch/out"
check "inspect alone" "$transit" inspect "$scratch/bare.pt"
says "heads: unknown"
says "args: none"

# What the file says is used, and an option wins over it.
beside '{"num_heads": 4, "path_type": "VP", "prediction": "noise", "note": "made here"}'
check "path and prediction" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-samples 2 --rtol 0.1 --out "$scratch/vp"
for resolved in '"path-type": "VP"' '"prediction": "noise"' '"num-heads": 4' '"note": "made here"'; do
  checks=$((checks + 1))
  grep -qF "$resolved" "$scratch/vp/run.json" || fail "run.json lacks $resolved"
done
beside '{"num_heads": 8, "path_type": "VP", "prediction": "velocity"}'
check "options" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-heads 4 --path-type Linear --num-samples 2 --rtol 0.1 --out "$scratch/options"
same "$scratch/options/samples.npz" "$scratch/copy/samples.npz"
warns "--num-heads 4 overrides the checkpoint's 8 ('$scratch/bare.pt.json' says num_heads = 8)"
warns "--path-type Linear overrides the checkpoint's VP ('$scratch/bare.pt.json' says path_type = VP)"
equals "$(wc -l <"$scratch/stderr" | tr -d ' ')" 2 "warnings of what is overridden"
check "an option's other spelling" "$transit" sample ODE --ckpt "$scratch/bare.pt" --net-param num_heads=4 --path-type Linear --num-samples 2 --rtol 0.1 --out "$scratch/spelled"
same "$scratch/spelled/samples.npz" "$scratch/copy/samples.npz"
warns "--net-param num_heads=4 overrides the checkpoint's 8 ('$scratch/bare.pt.json' says num_heads = 8)"
check "the same in the other spelling" "$transit" sample ODE --ckpt "$scratch/bare.pt" --net-param num_heads=8 --num-samples 2 --rtol 0.1 --out "$scratch/agreed"
equals "$(wc -c <"$scratch/stderr" | tr -d ' ')" 0 "bytes of warnings where both say the same"
check "other heads" "$transit" sample ODE --ckpt "$scratch/bare.pt" --path-type Linear --num-samples 2 --rtol 0.1 --out "$scratch/eight"
differ "$scratch/eight/samples.npz" "$scratch/copy/samples.npz"
beside '{"num_heads": 4, "path_type": "linear", "prediction": "unheard"}'
check "the same in other words" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-heads 4 --path-type Linear --prediction velocity --num-samples 2 --rtol 0.1 --out "$scratch/said"
warns "--prediction velocity overrides the checkpoint's unheard ("
equals "$(wc -l <"$scratch/stderr" | tr -d ' ')" 1 "warnings where all but one say the same"
beside '{"num_heads": 4, "prediction": "velocity"}'
for command in "sample ODE --rtol 0.1" "loss --data $here/../../experiments/digits/digits.npz --points 2" "sweep --solvers euler --steps 2 --reference-rtol 1e-3"; do
  # shellcheck disable=SC2086
  check "an overridden prediction" "$transit" $command --ckpt "$scratch/bare.pt" --prediction noise --num-samples 2 --force --out "$scratch/said"
  warns "--prediction noise overrides the checkpoint's velocity ("
done
beside '{"model": "SiT-XL/2"}'
refuse 1 "says model = SiT-XL/2: the weights (width 64, depth 6, patch 2) are not those of SiT-XL/2" "$transit" sample ODE \
  --ckpt "$scratch/bare.pt" --out "$scratch/out"

beside '{"num_heads": 4, "path_type": null, "prediction": null}'
check "null tells nothing" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-samples 2 --rtol 0.1 --out "$scratch/null"
same "$scratch/null/samples.npz" "$scratch/copy/samples.npz"

# A training file carries arguments of its own: one more is taken, the same is no harm, another value is refused.
train=$goldens/../checkpoints/train.pt
cp "$train" "$scratch/train.pt"
check "inspect a training file" "$transit" inspect "$scratch/train.pt"
says "args path_type = GVP"
printf '{"num_heads": 4, "path_type": "GVP"}' >"$scratch/train.pt.json"
check "inspect with one more" "$transit" inspect "$scratch/train.pt" --json
says '"args_file": {'
says "\"sha256\": \"$(sha "$scratch/train.pt.json")\""
check "inspect with one more" "$transit" inspect "$scratch/train.pt"
says "args num_heads = 4 (from $scratch/train.pt.json)"
checks=$((checks + 1))
grep -qx "args path_type = GVP" "$scratch/stdout" || fail "path_type is the file's own: $(cat "$scratch/stdout")"
printf '{"path_type": "VP"}' >"$scratch/train.pt.json"
refuse 1 "'$scratch/train.pt.json' says path_type = VP, but '$scratch/train.pt' says GVP: correct the one that is wrong" \
  "$transit" inspect "$scratch/train.pt"

# broken TEXT MESSAGE: with TEXT beside it the checkpoint is refused, whatever the options say, and nothing is left.
broken() {
  beside "$1"
  refuse 1 "'$beside'$2" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-heads 4 --num-samples 2 --out "$scratch/out"
  refuse 1 "'$beside'$2" "$transit" inspect "$scratch/bare.pt"
  absent "$scratch/out"
}
broken '' " is empty"
broken '{"num_heads": 4' ", line 1, column 15: "
broken '{"num_heads": 4, "num_heads": 4}' ", line 1, column "
broken '[4]' " holds an array: use one object"
broken '{"num_classes": [4]}' " says num_classes = [4]: a whole number"
broken '{"num_classes": "ten"}' " says num_classes = ten: a whole number from 1 to 1048576 is needed"
broken '{"num_classes": 0}' " says num_classes = 0: a whole number"
broken '{"num_classes": 10.5}' " says num_classes = 10.5: a whole number"
head -c 70000 /dev/zero | tr '\0' ' ' >"$beside"
refuse 1 "'$beside' has 70000 bytes: a file of arguments has at most 65536" "$transit" inspect "$scratch/bare.pt"
rm "$beside"
mkdir "$beside"
refuse 1 "'$beside': it is a directory" "$transit" inspect "$scratch/bare.pt"
rmdir "$beside"
ln -s none "$beside"
refuse 1 "'$beside': No such file" "$transit" inspect "$scratch/bare.pt"
rm "$beside"

# wrong TEXT STATUS MESSAGE: well-formed, but not what the command needs.
wrong() {
  beside "$1"
  refuse "$2" "$3" "$transit" sample ODE --ckpt "$scratch/bare.pt" --num-samples 2 --out "$scratch/out"
  absent "$scratch/out"
}
wrong '{"num_heads": "four"}' 1 "'$beside' says num_heads = four: a whole number"
wrong '{"num_heads": true}' 1 "'$beside' says num_heads = True: a whole number"
wrong '{"num_heads": 0}' 1 "'$beside' says num_heads = 0: a whole number"
wrong '{"num_heads": null}' 2 "give --num-heads"
wrong '{"num_heads": 7}' 1 "'$beside' says num_heads = 7: 7 heads do not divide the width 64"
wrong '{"num_heads": 4, "path_type": "Liner"}' 1 "'$beside' says path_type = Liner: unknown interpolant 'Liner': did you mean 'Linear'"
wrong '{"num_heads": 4, "prediction": 3}' 1 "'$beside' says prediction = 3: unknown prediction '3'"
wrong '{"num_heads": 4, "num_classes": 12}' 1 "'$beside' says num_classes = 12: "

# A sweep that goes on with other arguments is another sweep.
beside '{"num_heads": 4}'
sweep="$transit sweep --ckpt $scratch/bare.pt --num-samples 2 --solvers heun2 --steps 4 --reference-rtol 1e-3 --out $scratch/sweep"
# shellcheck disable=SC2086
{
  check "sweep" $sweep
  beside '{"num_heads": 4, "note": "changed"}'
  refuse 2 "the target differs" $sweep
}
finish
