# transit train on data of every kind: folders of images of any size on any number of workers to the same bytes, cut within an
# epoch and resumed; images that cannot be read, which are named, counted and replaced, or an error; files as other commands
# read them; what is refused.
. "$(dirname "$0")/../common.sh"

images=$here/../../data/images
crops=$here/../../data/goldens/crop
cases=$here/../../data/cases
folder=$scratch/images
small="$transit train --image-size 16 --global-batch-size 5 --hidden 8 --depth 1 --num-heads 2 --lr 1e-3 --flip --log-every 2 --threads 1"

# Two classes of six images each: grey and inks as JPEG, colours as PNG, of three sizes.
make_folder() {
  mkdir -p "$1/cat" "$1/dog"
  for i in 1 2 3; do
    cp "$images/gray.jpg" "$1/cat/$i.jpg"
    cp "$crops/small.png" "$1/cat/$i.png"
    cp "$images/cmyk.jpg" "$1/dog/$i.jpeg"
    cp "$crops/small.png" "$1/dog/$i.PNG"
  done
  cp "$crops/tall.png" "$1/dog/2.PNG"
}

# Of metrics.jsonl, what a clock does not change.
metrics() {
  sed 's/,"images_per_second.*//' "$1/metrics.jsonl"
}

same_run() { # same_run A B STEP
  same "$1/checkpoints/$3.pt" "$2/checkpoints/$3.pt"
  same "$1/checkpoints/$3.safetensors" "$2/checkpoints/$3.safetensors"
  metrics "$1" >"$scratch/one"
  metrics "$2" >"$scratch/other"
  same "$scratch/one" "$scratch/other"
}

# shellcheck disable=SC2086
{
  # ---- any number of workers, cut in the middle of an epoch ----
  make_folder "$folder"
  check "no workers" $small --data-path "$folder" --num-workers 0 --max-steps 7 --out "$scratch/none"
  says "% of the time waiting for data: "
  equals "$(grep -c '"wait":[0-9.e-]*,' "$scratch/none/metrics.jsonl")" 3 "lines with a share of waiting"
  for workers in 1 4; do
    check "$workers workers" $small --data-path "$folder" --num-workers $workers --max-steps 7 --out "$scratch/of-$workers"
    same_run "$scratch/none" "$scratch/of-$workers" 0000007
  done
  check "the first three steps" $small --data-path "$folder" --max-steps 3 --out "$scratch/cut"
  check "the others" "$transit" train --resume "$scratch/cut" --max-steps 7 --num-workers 3
  same_run "$scratch/none" "$scratch/cut" 0000007
  check "another seed" $small --data-path "$folder" --max-steps 7 --global-seed 1 --out "$scratch/seed"
  differ "$scratch/none/checkpoints/0000007.pt" "$scratch/seed/checkpoints/0000007.pt"

  # ---- what cannot be read ----
  cp -r "$folder" "$scratch/spoilt"
  head -c 700 "$images/gray.jpg" >"$scratch/spoilt/cat/2.jpg"
  echo "no picture" >"$scratch/spoilt/dog/3.PNG"
  check "two that cannot be read" $small --data-path "$scratch/spoilt" --num-workers 0 --max-steps 7 --out "$scratch/skipped"
  warns "warning: skipped: '$scratch/spoilt/cat/2.jpg' cannot be read as JPEG"
  warns "warning: skipped: '$scratch/spoilt/dog/3.PNG' is no picture"
  says ", 2 images skipped: "
  equals "$(grep -c '^skipped: ' "$scratch/skipped/log.txt")" 2 "images that log.txt names"
  equals "$(number "$scratch/skipped/run.json" skipped)" 2 "images skipped in run.json"
  differ "$scratch/none/checkpoints/0000007.pt" "$scratch/skipped/checkpoints/0000007.pt"
  check "the same by workers" $small --data-path "$scratch/spoilt" --num-workers 4 --max-steps 7 --out "$scratch/skipped-4"
  same_run "$scratch/skipped" "$scratch/skipped-4" 0000007
  check "a part of it" $small --data-path "$scratch/spoilt" --max-steps 3 --out "$scratch/skipped-cut"
  check "the rest of it" "$transit" train --resume "$scratch/skipped-cut" --max-steps 7
  same_run "$scratch/skipped" "$scratch/skipped-cut" 0000007
  refuse 1 "cannot be read as JPEG" $small --data-path "$scratch/spoilt" --strict --max-steps 2 --num-workers 4 --out "$scratch/strict"
  for file in "$scratch"/spoilt/*/*; do echo "no picture" >"$file"; done
  refuse 1 "no picture of '$scratch/spoilt' can be used" $small --data-path "$scratch/spoilt" --max-steps 1 --out "$scratch/all-spoilt"

  # ---- files, as other commands read them ----
  tiny="$transit train --global-batch-size 2 --hidden 8 --depth 1 --num-heads 2 --max-steps 1 --threads 1"
  for file in adm.npz cifar.npz label_singular.npz drawn.npz; do
    check "$file" $tiny --data-path "$cases/$file" --out "$scratch/file"
    rm -rf "$scratch/file"
  done
  npy "$scratch/half.npy" '<f2' '(64, 2)' 256
  check "vectors of float16" "$transit" train --data-path "$scratch/half.npy" --global-batch-size 16 --hidden 8 --max-steps 1 --out "$scratch/half"
  mkdir "$scratch/single"
  cp -r "$folder/cat" "$scratch/single"
  check "one class" $small --data-path "$scratch/single" --max-steps 1 --out "$scratch/one-class"
  warns "has one class"
  cp "$cases/adm.npz" "$scratch/without-an-ending"
  check "a name without an ending" $tiny --data-path "$scratch/without-an-ending" --num-workers 2 --out "$scratch/file"
  says "4 inputs"

  # ---- refused ----
  out=$scratch/refused
  refuse 2 "--num-workers" $small --data-path "$folder" --num-workers -1 --out "$out"
  refuse 2 "--image-size" $tiny --data-path "$folder" --out "$out"
  refuse 2 "--num-classes 1: --data-path has class 1" $small --data-path "$folder" --num-classes 1 --out "$out"
  refuse 2 "12 usable inputs" "$transit" train --data-path "$folder" --image-size 8 --out "$out"
  npy "$scratch/points.npy" '<f4' '(300, 2)' 2400
  refuse 2 "vectors are not mirrored" "$transit" train --data-path "$scratch/points.npy" --flip --out "$out"
  mkdir "$scratch/empty"
  refuse 1 "no .png or .jpg files" $small --data-path "$scratch/empty" --out "$out"
  mkdir "$folder/mouse"
  refuse 1 "the class folder 'mouse' of" $small --data-path "$folder" --out "$out"
  rmdir "$folder/mouse"
  cp "$images/gray.jpg" "$folder/beside.jpg"
  refuse 1 "beside its sub-folders" $small --data-path "$folder" --out "$out"
  absent "$out"
}

finish
