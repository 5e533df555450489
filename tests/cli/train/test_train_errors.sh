#!/bin/sh
# transit train where something is wrong or has moved: nothing is passed over in silence, each refusal is one line, and what
# was there stays.
# usage: test_train_errors.sh PROGRAM SCRATCH
. "$(dirname "$0")/../common.sh"

digits_data=$here/../../../experiments/digits/digits.npz
digits_model=$here/../../../experiments/digits/digits-ema.pt
cp "$digits_data" "$scratch/data.npz"
data=$scratch/data.npz
small="$transit train --data-path $data --global-batch-size 32 --hidden 16 --depth 1 --num-heads 2 --threads 1"
npy "$scratch/points.npy" '<f4' '(64, 2)' 512
vectors="$transit train --data-path $scratch/points.npy --global-batch-size 16 --hidden 8 --depth 1 --threads 1"
out=$scratch/refused

# shellcheck disable=SC2086
{
  # ---- the data has moved, or is other data ----
  check "a training" $small --max-steps 7 --ckpt-every 3 --out "$scratch/whole"
  check "a part of it" $small --max-steps 4 --out "$scratch/part"
  mkdir "$scratch/elsewhere"
  mv "$data" "$scratch/elsewhere/digits.npz"
  refuse 1 "--resume '$scratch/part/checkpoints': no training lies there, with its run.json: give the --out of one" \
    "$transit" train --resume "$scratch/part/checkpoints" --max-steps 7
  refuse 1 "its data is not at '$data' any more: --data-path says" "$transit" train --resume "$scratch/part" --max-steps 7
  kept=$(cd "$scratch/part" && find . -type f ! -name 'events.*' -exec sha256sum {} +)
  python3 - "$scratch/elsewhere/digits.npz" "$scratch/changed.npz" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as a, zipfile.ZipFile(sys.argv[2], "w") as b:
    for name in a.namelist():
        content = bytearray(a.read(name))
        content[-1] ^= name.startswith("images")
        b.writestr(name, bytes(content))
END
  refuse 2 "'$scratch/changed.npz' holds other data than when the training began" "$transit" train --resume "$scratch/part" \
    --data-path "$scratch/changed.npz" --max-steps 7
  equals "$(cd "$scratch/part" && find . -type f ! -name 'events.*' -exec sha256sum {} +)" "$kept" "a folder that was refused"
  check "the same data elsewhere" "$transit" train --resume "$scratch/part" --data-path "$scratch/elsewhere/digits.npz" --max-steps 5
  check "and there again" "$transit" train --resume "$scratch/part" --max-steps 7
  for file in 0000007.pt 0000007.safetensors; do same "$scratch/whole/checkpoints/$file" "$scratch/part/checkpoints/$file"; done
  cp "$scratch/elsewhere/digits.npz" "$data"

  # A folder is known by the names and sizes of its pictures.
  mkdir -p "$scratch/pictures/0" "$scratch/pictures/1"
  for class in 0 1; do cp "$here/../../data/cases/nested/$class/"*.png "$scratch/pictures/$class/"; done
  check "pictures" "$transit" train --data-path "$scratch/pictures" --image-size 8 --global-batch-size 2 --hidden 8 --depth 1 --max-steps 2 \
    --threads 1 --out "$scratch/drawn-from"
  mv "$scratch/pictures" "$scratch/elsewhere/pictures"
  check "pictures elsewhere" "$transit" train --resume "$scratch/drawn-from" --data-path "$scratch/elsewhere/pictures" --max-steps 3
  mv "$scratch/elsewhere/pictures/1/c.png" "$scratch/elsewhere/pictures/1/d.png"
  refuse 2 "holds other data" "$transit" train --resume "$scratch/drawn-from" --max-steps 4

  # ---- each difference is listed ----
  refuse 2 "--lr was 0.0001, is 0.002; --clip-grad was null, is 1.0; --ema-decay was [0.9999], is [0.9]; --global-seed was 0, is 1: give" \
    "$transit" train --resume "$scratch/part" --lr 2e-3 --global-seed 1 --ema-decay 0.9 --clip-grad 1 --max-steps 9
  check "of a path with parameters" $small --max-steps 2 --path-type VP --path-param sigma_max=15 --out "$scratch/vp"
  for command in "sample ODE --num-samples 1 --sampling-method euler --num-sampling-steps 3" "likelihood --data $data --num 1 --probes 1 --rtol 0.1" \
    "loss --data $data --num-samples 2 --points 2" "sweep --num-samples 2 --seeds 0:1 --solvers euler --steps 2"; do
    check "${command%% *} along it" $transit $command --ckpt "$scratch/vp/checkpoints/0000002.pt" --out "$scratch/vp-along"
    record=$scratch/vp-along/run.json
    [ -e "$record" ] || record=$scratch/vp-along/manifest.json
    tr -d ' \n' <"$record" | grep -qF '"path-param":{"sigma_min":0.1,"sigma_max":15.0}' || fail "another path: ${command%% *}: $(cat "$record")"
    checks=$((checks + 1))
    rm -r "$scratch/vp-along"
  done
  check "along another" $transit sample ODE --num-samples 1 --sampling-method euler --num-sampling-steps 3 --path-param sigma_max=12 \
    --ckpt "$scratch/vp/checkpoints/0000002.pt" --out "$scratch/vp-along"
  warns "--path-param sigma_max=12 overrides the checkpoint's 15 ('$scratch/vp/checkpoints/0000002.pt' says path_param_sigma_max = 15)"
  refuse 2 "--path-param sigma_max was 15.0, is 16.0; --path-param sigma_min was 0.1, is 0.2: give" \
    "$transit" train --resume "$scratch/vp" --path-param sigma_max=16,sigma_min=0.2 --max-steps 3
  refuse 2 "--path-type was \"VP\", is \"Linear\"" "$transit" train --resume "$scratch/vp" --path-type Linear --max-steps 3
  check "the same parameter again" "$transit" train --resume "$scratch/vp" --path-param sigma_min=0.1 --max-steps 3
  check "all of it at once" $small --max-steps 3 --path-type VP --path-param sigma_max=15 --out "$scratch/vp3"
  same "$scratch/vp/checkpoints/0000003.pt" "$scratch/vp3/checkpoints/0000003.pt"
  check "with others of a file" $small --ckpt "$scratch/vp3/checkpoints/0000003.pt" --path-type VP --path-param sigma_max=16 --max-steps 4 \
    --out "$scratch/vp4"
  warns "vp3/checkpoints/0000003.pt' was trained with --path-param sigma_max=15: it goes on with 16"
  equals "$(grep -c 'was trained with' "$scratch/stderr")" 1 "parameters that differ"
  check "a training with a schedule" $small --max-steps 4 --max-minutes 1 --lr-schedule cosine --out "$scratch/cosine"
  refuse 2 "--max-steps was 4, is 5: give" "$transit" train --resume "$scratch/cosine" --max-steps 5

  # ---- a checkpoint of another network, named ----
  other=$scratch/whole/checkpoints/0000007.pt
  check "vectors" $vectors --max-steps 3 --out "$scratch/mlp"
  refuse 1 "'$other': model lacks 'x_in.weight': it is of another network" $vectors --ckpt "$other" --max-steps 9 --out "$out"
  refuse 1 "'$other': the weights lack the tensor 'x_in.weight'" $vectors --init-weights "$other" --max-steps 9 --out "$out"
  refuse 1 "'$other': model has 'pos_embed' in another shape" "$transit" train --data-path "$data" --hidden 24 --depth 1 --num-heads 2 \
    --max-steps 9 --ckpt "$other" --out "$out"
  refuse 1 "'$other': the weights lack the tensor 'blocks.1" "$transit" train --data-path "$data" --hidden 16 --depth 2 --num-heads 2 \
    --max-steps 9 --init-weights "$other" --out "$out"
  refuse 1 "'opt': --init-weights begins with its weights" $small --ckpt "$digits_model" --out "$out"
  cp -r "$scratch/part" "$scratch/mixed"
  cp "$scratch/mlp/checkpoints/0000003.pt" "$scratch/mixed/checkpoints/0000099.pt"
  refuse 1 "'$scratch/mixed/checkpoints/0000099.pt': model lacks 'pos_embed'" "$transit" train --resume "$scratch/mixed" --max-steps 200

  # ---- options for something else ----
  for option in "--learn-sigma false" "--num-heads 2" "--patch 2"; do
    refuse 2 "${option%% *} is for images" $vectors --max-steps 3 $option --out "$out"
  done
  refuse 2 "vectors are not mirrored" $vectors --flip --max-steps 3 --out "$out"
  refuse 2 "images of --image-size 8 are asked for: '" $vectors --image-size 8 --max-steps 3 --out "$out"
  refuse 2 "holds vectors" $vectors --image-size 8 --max-steps 3 --out "$out"
  refuse 2 "--label-dropout 0.2: the data has no labels that could be dropped" $vectors --label-dropout 0.2 --max-steps 3 --out "$out"
  refuse 2 "--num-classes 3: the data has no labels" $vectors --num-classes 3 --max-steps 3 --out "$out"
  check "nothing to drop" $vectors --label-dropout 0 --max-steps 3 --out "$scratch/undropped"
  same "$scratch/mlp/checkpoints/0000003.pt" "$scratch/undropped/checkpoints/0000003.pt"
  check "draws alone" "$transit" train --draws "$here/../../data/goldens/train20.npz" --num-classes 10 --hidden 8 --depth 1 \
    --global-batch-size 4 --max-steps 1 --flip --epochs 3 --label-dropout 0.5 --time-sampling stratified --threads 1 --out "$scratch/drawn"
  for option in flip epochs label-dropout time-sampling; do warns "--$option has no effect: every step is that of --draws"; done

  cp "$here/../../data/goldens/train20.npz" "$scratch/draws.npz"
  check "draws of its own" "$transit" train --draws "$scratch/draws.npz" --num-classes 10 --hidden 8 --depth 1 --global-batch-size 4 --max-steps 1 \
    --threads 1 --out "$scratch/own-draws"
  check "the same draws" "$transit" train --resume "$scratch/own-draws" --max-steps 2
  check "another archive" python3 -c "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'a') as a: a.comment = b'another'" "$scratch/draws.npz"
  refuse 2 "--draws '$scratch/draws.npz' holds other data than when the training began" "$transit" train --resume "$scratch/own-draws" --max-steps 3

  # ---- data that is none ----
  mkdir -p "$scratch/none" "$scratch/empty/a" "$scratch/unreadable/a"
  echo "no picture" >"$scratch/unreadable/a/1.png"
  for folder in none empty; do refuse 1 "no .png or .jpg files" "$transit" train --data-path "$scratch/$folder" --image-size 8 --out "$out"; done
  refuse 2 "is a folder of images: --image-size says what size they get" "$transit" train --data-path "$scratch/elsewhere/pictures" --out "$out"
  absent "$out"
  refuse 1 "no picture of '$scratch/unreadable' can be used" "$transit" train --data-path "$scratch/unreadable" --image-size 8 \
    --global-batch-size 1 --max-steps 1 --out "$out"
  equals "$(ls -A "$out/checkpoints")" "" "checkpoints without a picture"
}

# ---- a full disk: at a checkpoint, at the record, at the log ----
# full BLOCKS COMMAND...: with this limit on files it ends with a line that says so, and leaves nothing half written.
full() {
  blocks=$1
  shift
  (
    ulimit -f "$blocks"
    exec "$@"
  ) >"$scratch/stdout" 2>"$scratch/stderr"
  equals $? 1 "status on a full disk of $blocks blocks"
  warns "File too large"
  equals "$(grep -c . "$scratch/stderr")" 1 "lines on a full disk"
  equals "$(find "$scratch/part" -name '*.tmp' | wc -l | tr -d ' ')" 0 "what is left of a full disk"
}
checkpoints=$(cd "$scratch/part/checkpoints" && sha256sum ./*)
full 90 "$transit" train --resume "$scratch/part" --max-steps 12
warns "part/checkpoints/0000012.pt"
full 2 "$transit" train --resume "$scratch/part" --max-steps 12
warns "part/run.json"
full 8 "$transit" train --resume "$scratch/part" --max-steps 300 --ckpt-every 1000 --keep 9
equals "$(cd "$scratch/part/checkpoints" && sha256sum ./*)" "$checkpoints" "checkpoints after a full disk"
check "with room again" "$transit" train --resume "$scratch/part" --max-steps 12
# shellcheck disable=SC2086
check "without a full disk" $small --max-steps 12 --out "$scratch/unfilled"
same "$scratch/unfilled/checkpoints/0000012.pt" "$scratch/part/checkpoints/0000012.pt"

# ---- killed before the first checkpoint: it begins again, without what it needed to begin with later on ----
# shellcheck disable=SC2086
{
  check "weights" cp "$scratch/whole/checkpoints/0000003.pt" "$scratch/weights.pt"
  $small --max-steps 100000 --log-every 1 --init-weights "$scratch/weights.pt" --out "$scratch/early" >"$scratch/stdout" 2>&1 &
  pid=$!
  while [ ! -s "$scratch/early/metrics.jsonl" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -9 $pid
  wait $pid 2>/dev/null
  equals "$(ls "$scratch/early/checkpoints")" "" "checkpoints before the first"
  check "begins again" "$transit" train --resume "$scratch/early" --max-steps 4
  says "going on from step 0"
  check "the same at once" $small --max-steps 4 --log-every 1 --init-weights "$scratch/weights.pt" --out "$scratch/at-once"
  for file in 0000004.pt 0000004.safetensors; do same "$scratch/at-once/checkpoints/$file" "$scratch/early/checkpoints/$file"; done
  equals "$(ls "$scratch/early/checkpoints" | wc -l | tr -d ' ')" 2 "files of one checkpoint"
  equals "$(grep -c . "$scratch/early/metrics.jsonl")" 4 "lines of four steps"
  rm "$scratch/weights.pt"
  check "goes on without the first weights" "$transit" train --resume "$scratch/early" --max-steps 5
  rm "$scratch/at-once/checkpoints/"*
  cp "$scratch/early/checkpoints/0000005.pt" "$scratch/weights.pt"
  refuse 1 "there is no checkpoint in its checkpoints/, and run.json tells of step 4" "$transit" train --resume "$scratch/at-once"
}

# ---- killed between the two files of a checkpoint ----
rm "$scratch/part/checkpoints/0000012.safetensors"
check "made again" "$transit" train --resume "$scratch/part" --max-steps 12
says "nothing to do"
same "$scratch/unfilled/checkpoints/0000012.safetensors" "$scratch/part/checkpoints/0000012.safetensors"
# At whatever moment: no average stands alone.
for delay in 0.1 0.15 0.2 0.25 0.3 0.35; do
  # shellcheck disable=SC2086
  $small --max-steps 100000 --ckpt-every 1 --keep 2 --out "$scratch/killed$delay" >/dev/null 2>&1 &
  pid=$!
  sleep $delay
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  for file in "$scratch/killed$delay"/checkpoints/*.safetensors; do
    [ ! -e "$file" ] || present "${file%.safetensors}.pt"
  done
done

# ---- in the folder of another command ----
sample="$transit sample ODE --ckpt $digits_model --num-samples 2 --sampling-method euler --num-sampling-steps 3 --threads 1"
sweep="$transit sweep --target gaussian:d=1 --num-samples 4 --solvers euler --steps 2 --threads 1"
# shellcheck disable=SC2086
for command in sample sweep; do
  folder=$scratch/$command
  case $command in sample) check "samples" $sample --out "$folder" ;; *) check "a sweep" $sweep --out "$folder" ;; esac
  echo mine >"$folder/mine.txt"
  before=$(cd "$folder" && find . -type f -exec sha256sum {} +)
  refuse 2 "holds results of 'transit $command" $small --max-steps 2 --out "$folder"
  equals "$(cd "$folder" && find . -type f -exec sha256sum {} +)" "$before" "results of $command that were refused"
  check "in its place" $small --max-steps 2 --force --out "$folder"
  equals "$(cd "$folder" && find . ! -name 'events.*' | sort | tr '\n' ' ')" \
    ". ./checkpoints ./checkpoints/0000002.pt ./checkpoints/0000002.safetensors ./log.txt ./metrics.jsonl ./mine.txt ./run.json " \
    "what is left of $command"
  refuse 2 "holds a training, which nothing replaces" $sample --force --out "$folder"
done
finish
