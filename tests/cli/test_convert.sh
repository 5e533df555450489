# transit convert: bits, types and arguments survive the way to the other format and back; what is refused.
. "$(dirname "$0")/common.sh"

goldens=$here/../data/goldens
field="$transit field --times $scratch/t.npy --class-labels 3 --init $scratch/x.npy --quantities velocity --threads 1"

# shellcheck disable=SC2086
{
  npy "$scratch/x.npy" '<f4' '(2, 1, 8, 8)' 512
  npy "$scratch/t.npy" '<f8' '(2,)' 16
  # The digits' arguments stand in a file beside them, which is not the checkpoint's.
  cp "$digits" "$scratch/digits.pt"
  check "a bare .pt" "$transit" convert "$scratch/digits.pt" "$scratch/digits.safetensors"
  says "72 tensors in 1 set, 0 arguments"
  check "and back" "$transit" convert "$scratch/digits.safetensors" "$scratch/back.pt"
  for file in digits.pt digits.safetensors back.pt; do
    check "the field of $file" $field --ckpt "$scratch/$file" --num-heads 4 --out "$scratch/field.$file"
    same "$scratch/field.digits.pt/field.npz" "$scratch/field.$file/field.npz"
  done

  # A training has several sets and arguments.
  check "a training" "$transit" train --data-path "$here/../../experiments/digits/digits.npz" --global-batch-size 16 --hidden 16 --depth 1 \
    --num-heads 2 --max-steps 2 --ema-decay 0.5 --threads 1 --out "$scratch/train"
  trained=$scratch/train/checkpoints/0000002
  check "ema" "$transit" convert $trained.pt "$scratch/ema.safetensors"
  same "$scratch/ema.safetensors" $trained.safetensors
  check "model" "$transit" convert $trained.pt "$scratch/model.safetensors" --weights model
  differ "$scratch/ema.safetensors" "$scratch/model.safetensors"
  check "all sets" "$transit" convert $trained.pt "$scratch/sets.pt"
  check "inspect" "$transit" inspect "$scratch/sets.pt"
  says "weights model:"
  says "weights ema:"
  says "args num_heads = 2"
  says "args loss_weight = None"
  check "once more" "$transit" convert "$scratch/sets.pt" "$scratch/again.safetensors"
  same "$scratch/ema.safetensors" "$scratch/again.safetensors"

  # One set alone, without arguments.
  check "bare" "$transit" convert --bare $trained.pt "$scratch/bare.pt"
  says "tensors in 1 set, 0 arguments"
  check "inspect bare" "$transit" inspect "$scratch/bare.pt"
  says "args: none"
  check "the model, bare" "$transit" convert --bare $trained.pt --weights model "$scratch/bare-model.pt"
  for set in ema model; do
    file=bare.pt
    [ $set = ema ] || file=bare-model.pt
    check "the field of $set" $field --ckpt $trained.pt --weights $set --out "$scratch/field.$set"
    check "the field of $file" $field --ckpt "$scratch/$file" --num-heads 2 --out "$scratch/field.$file"
    same "$scratch/field.$set/field.npz" "$scratch/field.$file/field.npz"
  done
  refuse 2 "--bare is of FILE.pt" "$transit" convert --bare $trained.pt "$scratch/refused.safetensors"
  absent "$scratch/refused.safetensors"

  # Arguments beside the checkpoint are taken in; texts become numbers only where they come back the same.
  cp "$digits" "$scratch/beside.pt"
  cp "$digits.json" "$scratch/beside.pt.json"
  check "arguments beside" "$transit" convert "$scratch/beside.pt" "$scratch/beside.safetensors"
  says "from $scratch/beside.pt and $scratch/beside.pt.json"
  check "their field" $field --ckpt "$scratch/beside.safetensors" --out "$scratch/field.beside"
  same "$scratch/field.digits.pt/field.npz" "$scratch/field.beside/field.npz"
  cp "$digits" "$scratch/texts.pt"
  echo '{"a": "007", "b": "0x10", "c": "+5", "d": "99999999999999999999", "e": "1e400", "f": "1.50", "g": " 5", "h": ""}' \
    >"$scratch/texts.pt.json"
  check "texts" "$transit" convert "$scratch/texts.pt" "$scratch/kept.pt"
  check "inspect texts" "$transit" inspect "$scratch/kept.pt"
  for text in "a = 007" "b = 0x10" "c = +5" "d = 99999999999999999999" "e = 1e400" "f = 1.50" "g =  5"; do says "args $text"; done
  echo '{"a": "7", "b": "-3", "c": "0.1", "d": "True", "e": "None"}' >"$scratch/texts.pt.json"
  check "numbers as texts" "$transit" convert "$scratch/texts.pt" "$scratch/as_texts.pt"
  echo '{"a": 7, "b": -3, "c": 0.1, "d": true, "e": null}' >"$scratch/texts.pt.json"
  check "numbers" "$transit" convert "$scratch/texts.pt" "$scratch/as_numbers.pt"
  same "$scratch/as_texts.pt" "$scratch/as_numbers.pt"
  echo '[4' >"$scratch/texts.pt.json"
  refuse 1 "texts.pt.json" "$transit" convert "$scratch/texts.pt" "$scratch/refused.pt"

  # OUT that is one of the files of IN.
  for part in 1 2; do
    printf '\070\0\0\0\0\0\0\0{"w%d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} \0\0\200\077' $part >"$scratch/part-$part.safetensors"
  done
  echo '{"weight_map": {"w1": "part-1.safetensors", "w2": "part-2.safetensors"}}' >"$scratch/parts.safetensors.index.json"
  check "parts" "$transit" convert "$scratch/parts.safetensors.index.json" "$scratch/parts.pt"
  says "2 tensors in 1 set"
  refuse 2 "one of the files of IN" "$transit" convert "$scratch/parts.safetensors.index.json" "$scratch/./part-2.safetensors"
  check "the parts are there" "$transit" convert "$scratch/parts.safetensors.index.json" "$scratch/parts.pt"

  # OUT that is IN under another spelling.
  ln -s digits.pt "$scratch/link.pt"
  ln "$scratch/digits.pt" "$scratch/hard.pt"
  for other in ./digits.pt link.pt hard.pt; do
    refuse 2 "IN and OUT are both" "$transit" convert "$scratch/digits.pt" "$scratch/$other"
    refuse 2 "IN and OUT are both" "$transit" convert "$scratch/$other" "$scratch/digits.pt"
  done
  same "$digits" "$scratch/digits.pt"

  out=$scratch/refused.pt
  refuse 2 "OUT is missing" "$transit" convert "$digits"
  refuse 2 "its name says the format" "$transit" convert "$digits" "$scratch/refused"
  refuse 2 "both" "$transit" convert "$digits" "$digits"
  refuse 2 "no weights named 'ema_7'" "$transit" convert $trained.pt "$out" --weights ema_7
  refuse 1 "none.pt" "$transit" convert "$scratch/none.pt" "$out"
  refuse 2 "too many" "$transit" convert "$digits" "$out" "$out"
  absent "$out"
}

finish
