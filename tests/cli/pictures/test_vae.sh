# transit decode and encode: the numbers of diffusers, files whole or not at all, whatever the batch; latents that a training
# takes; what is refused.
. "$(dirname "$0")/../common.sh"
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }
goldens=$tests/data/goldens/vae2
names=$goldens/names
look() { check "$1" python3 "$here/check_vae.py" "$@"; }
decode="$transit decode --vae $names --threads 1"
encode="$transit encode --threads 1"
check "latents to decode" python3 "$here/check_vae.py" make "$scratch" "$goldens/names.npz"
unpack "$goldens/names.npz" z x
small="$scratch/latents.npz"

# shellcheck disable=SC2086
{
  # ---- pictures ----
  check "decode" $decode --data "$small" --dtype f64 --out "$scratch/decoded"
  says "2 pictures of 14 x 22 pixels by $names"
  says "wrote $scratch/decoded/images.npz, images/ and run.json"
  look decoded "$scratch/decoded" "$goldens/names.npz"
  equals "$(ls -A "$scratch/decoded" | tr '\n' ' ')" "images images.npz run.json " "files of a decode"
  grep -q '"sha256": "[0-9a-f]\{64\}"' "$scratch/decoded/run.json" || fail "no hash of the autoencoder in run.json"
  check "old names, one at a time" $transit decode --vae "$goldens/old" --data "$small" --dtype f64 --batch-size 1 --out "$scratch/old"
  same "$scratch/decoded/images.npz" "$scratch/old/images.npz"
  check "levels alone" $decode --data "$small" --dtype f64 --levels-only --out "$scratch/levels"
  look levels "$scratch/levels" "$scratch/decoded"
  npy "$scratch/far.npy" "<f4" "(1, 3, 2, 2)" 48 '\101' # 12.08 each: of three channels, and no pixels
  check "latents of three channels" $transit decode --vae "$goldens/plain" --data "$scratch/far.npy" --out "$scratch/three"
  says "1 picture of 4 x 4 pixels"
  # What is there is replaced whole: fewer pictures leave none of those before.
  check "again, fewer" $decode --data "$small" --num-samples 1 --out "$scratch/levels" --force
  equals "$(ls "$scratch/levels/images")" "000000.png" "pictures of the later run"
  refuse 2 "holds results of" $decode --data "$small" --out "$scratch/levels" --dtype f64

  # ---- latents ----
  x=$scratch/golden-x.npy
  check "encode" $encode --vae "$names" --data "$x" --dtype f64 --flip --latents mean --out "$scratch/mean.npz"
  says "4 latents (4, 7, 11) of 2 pictures by $names, scaling 0.18215, shift 0"
  check "encode mirror images" $encode --vae "$names" --data "$scratch/mirrored.npy" --dtype f64 --latents mean --out "$scratch/mirrored.npz"
  look encoded "$scratch/mean.npz" "$goldens/names.npz" 0.18215 0 "$scratch/mirrored.npz"
  check "draws" $encode --vae "$names" --data "$x" --dtype f64 --flip --seed 5 --out "$scratch/drawn.npz"
  look drawn "$scratch/drawn.npz" 0.18215 0
  check "draws, one at a time" $encode --vae "$names" --data "$x" --dtype f64 --flip --seed 5 --batch-size 1 --out "$scratch/one.npz"
  same "$scratch/drawn.npz" "$scratch/one.npz"
  check "other draws" $encode --vae "$names" --data "$x" --dtype f64 --flip --seed 6 --out "$scratch/other.npz"
  differ "$scratch/drawn.npz" "$scratch/other.npz"
  unpack "$goldens/plain.npz" x x
  check "with a shift" $encode --vae "$goldens/plain" --data "$x" --dtype f64 --out "$scratch/shifted.npz"
  look drawn "$scratch/shifted.npz" 0.3611 0.1159

  # ---- a folder, cropped as in a training, which takes what comes of it ----
  mkdir -p "$scratch/folder/3" "$scratch/folder/5"
  set -- "$tests"/data/goldens/crop/*.png
  cp "$1" "$scratch/folder/5/one.png"
  cp "$2" "$scratch/folder/3/two.png"
  cp "$1" "$scratch/folder/3/three.png"
  check "encode a folder" $encode --vae "$names" --data "$scratch/folder" --image-size 16 --flip --out "$scratch/folder.npz"
  says "6 latents (4, 8, 8) of 3 pictures"
  look labels "$scratch/folder.npz" 3 3 5 3 3 5
  check "train on it" $transit train --data-path "$scratch/folder.npz" --global-batch-size 2 --hidden 16 --depth 1 --num-heads 2 --patch 2 \
    --max-steps 1 --threads 1 --out "$scratch/trained"
  if grep -q "not read is" "$scratch/stderr"; then fail "a training does not know what an encoded file holds: $(cat "$scratch/stderr")"; fi
  check "as one file" $encode --vae "$names" --data "$scratch/folder" --image-size 16 --out "$scratch/plain.npz"
  check "decode what was encoded" $decode --data "$scratch/folder.npz" --out "$scratch/back"
  says "6 pictures of 16 x 16 pixels"
}

# ---- pictures of what a model draws: those of its latents ----
sit="--ckpt $tests/data/goldens/ema.pt --num-heads 3 --vae $names --num-samples 5 --num-sampling-steps 3 --threads 1"
# shellcheck disable=SC2086
{
  for mode in "ODE --sampling-method heun2" SDE; do
    check "sample with --vae" $transit sample $mode $sit --batch-size 2 --out "$scratch/drawn"
    says "wrote $scratch/drawn/samples.npz, samples.png and run.json"
    check "decode its latents" $decode --data "$scratch/drawn/samples.npz" --out "$scratch/again"
    look same_levels "$scratch/drawn/samples.npz" "$scratch/again/images.npz"
    grep -q '"autoencoder": {' "$scratch/drawn/run.json" || fail "no autoencoder in run.json"
    check "in shards" $transit sample $mode $sit --batch-size 2 --shard-size 2 --out "$scratch/shards"
    look same_levels "$scratch/drawn/samples.npz" "$scratch/shards/samples.npz"
    equals "$(cd "$scratch/again/images" && cat ./*.png | cksum)" "$(cd "$scratch/shards/images" && cat ./*.png | cksum)" "pictures in shards"
    rm -rf "$scratch/drawn" "$scratch/again" "$scratch/shards"
  done
  # Shards of one autoencoder are not those of another one in its place.
  own="ODE --sampling-method heun2 --ckpt $tests/data/goldens/ema.pt --num-heads 3 --num-samples 2 --num-sampling-steps 2 --shard-size 1 --vae"
  cp -r "$names" "$scratch/own"
  check "in shards" $transit sample $own "$scratch/own" --out "$scratch/shards"
  cp -r "$scratch/own" "$scratch/moved"
  check "it moved" $transit sample $own "$scratch/moved" --out "$scratch/shards"
  says "all 2 samples are there already"
  printf 'x' | dd of="$(echo "$scratch"/own/*.safetensors)" bs=1 seek=$(($(wc -c <"$(echo "$scratch"/own/*.safetensors)") - 4)) conv=notrunc 2>/dev/null
  refuse 2 "(what --vae holds differs): nothing was changed" $transit sample $own "$scratch/own" --out "$scratch/shards"
  cp "$names"/*.safetensors "$scratch/own"
  sed 's/"scaling_factor": [0-9.]*/"scaling_factor": 0.5/' "$names/config.json" >"$scratch/own/config.json"
  refuse 2 "(what --vae holds differs)" $transit sample $own "$scratch/own" --out "$scratch/shards"
  refuse 2 "has latents of 3 channels: the model's states are none of these" $transit sample ODE --ckpt "$tests/data/goldens/ema.pt" --num-heads 3 --vae "$goldens/plain" --num-samples 1 --out "$scratch/no"
  refuse 1 "which is no field of states: it can be neither sampled nor trained" $transit sample ODE --ckpt "$goldens/../vae/diffusion_pytorch_model.safetensors" --out "$scratch/no"
  check "no autoencoder" $transit sample ODE --ckpt "$digits" --num-samples 1 --tiles diffusers --out "$scratch/digit"
  warns "--tiles has no effect: a run without --vae has no autoencoder"
  refuse 2 "'transit encode --vae' makes latents of pictures" $transit likelihood --ckpt "$digits" --data x.npy --vae ema --out "$scratch/no"
}

# ---- what is refused, in one line and without a trace ----
# shellcheck disable=SC2086
{
  refuse 2 "--vae: '$scratch/none' is no folder, and no name of 'transit fetch --list'" $transit decode --vae "$scratch/none" --data "$small" --out "$scratch/no"
  refuse 2 "--vae: 'weights/vae' is no folder, and no name" env HF_ENDPOINT=http://127.0.0.1:1 $transit decode --vae weights/vae --data "$small" --out "$scratch/no"
  refuse 2 "config.json' is a file: a folder is needed" $transit decode --vae "$names/config.json" --data "$small" --out "$scratch/no"
  refuse 1 "has no weights of an autoencoder" sh -c "mkdir -p '$scratch/bare' && cp '$names/config.json' '$scratch/bare' && $transit decode --vae '$scratch/bare' --data '$small' --out '$scratch/no'"
  head -c 1000 "$names/diffusion_pytorch_model.safetensors" >"$scratch/bare/diffusion_pytorch_model.safetensors"
  refuse 1 "diffusion_pytorch_model.safetensors" $transit decode --vae "$scratch/bare" --data "$small" --out "$scratch/no"
  printf '{"_class_name": "UNet2DModel"}' >"$scratch/bare/config.json"
  refuse 1 "another network, UNet2DModel" $transit decode --vae "$scratch/bare" --data "$small" --out "$scratch/no"
  refuse 2 "an autoencoder has no products in bf16" $decode --data "$small" --dtype bf16 --out "$scratch/no"
  refuse 2 "is a folder" $decode --data "$scratch/folder" --out "$scratch/no"
  refuse 1 "latents.npz' holds float64 (2, 4, 7, 11): this autoencoder takes latents (N, 3, H, W)" $transit decode --vae "$goldens/plain" --data "$small" --out "$scratch/no"
  refuse 2 "--num-samples 3" $decode --data "$small" --num-samples 3 --out "$scratch/no"
  refuse 2 "a name that ends with .npz" $encode --vae "$names" --data "$scratch/folder" --out "$scratch/no"
  mkdir "$scratch/dir.npz"
  refuse 2 "--out '$scratch/dir.npz' is a folder" $encode --vae "$scratch/none" --data "$x" --out "$scratch/dir.npz" # before all else
  refuse 2 "images of --image-size 8 are asked for: '$x' holds" $encode --vae "$names" --data "$x" --image-size 8 --out "$scratch/no.npz"
  npy "$scratch/nan.npy" "<f4" "(1, 4, 2, 2)" 64 '\377'
  refuse 1 "latents.npz' holds inputs of 4 channels: this autoencoder takes pictures of 3 channels" $encode --vae "$names" --data "$small" --out "$scratch/no.npz"
  refuse 1 "working space beside '$scratch/none/no.npz' cannot be had: No such file" $encode --vae "$names" --data "$x" --out "$scratch/none/no.npz"
  refuse 1 "nan" $decode --data "$scratch/nan.npy" --out "$scratch/no"
  # Numbers that a decoder or an encoder cannot take to an end: no black picture, no clamped variance.
  cp -r "$names" "$scratch/far"
  sed 's/"scaling_factor": [^,]*/"scaling_factor": 1e-320/' "$names/config.json" >"$scratch/far/config.json"
  grep -q 1e-320 "$scratch/far/config.json" || fail "the config has no scaling_factor to change"
  refuse 1 "the pictures of the autoencoder have NaN or infinity in f32" $transit decode --vae "$scratch/far" --data "$small" --out "$scratch/no"
  sed 's/"norm_num_groups": [^,]*/"norm_num_groups": 7/' "$names/config.json" >"$scratch/far/config.json"
  refuse 2 "'$scratch/far/config.json': 7 groups of a norm (norm_num_groups) do not divide" $transit decode --vae "$scratch/far" --data "$small" --out "$scratch/no"
  cp "$names/config.json" "$scratch/far/config.json"
  printf '\377\177\377\177' | dd of="$scratch/far/diffusion_pytorch_model.safetensors" bs=1 seek=$(($(wc -c <"$names/diffusion_pytorch_model.safetensors") - 4)) conv=notrunc 2>/dev/null
  refuse 1 "--vae: tensor 'quant_conv.weight' holds nan" $encode --vae "$scratch/far" --data "$x" --out "$scratch/no.npz"
  npy "$scratch/levels.npy" "<f4" "(1, 3, 8, 8)" 768 '\103' # 195.26 each
  refuse 1 "has 195.263 at element 0: this model works in pixels from -1 to 1" $encode --vae "$names" --data "$scratch/levels.npy" --out "$scratch/no.npz"
  printf 'no picture' >"$scratch/folder/3/broken.png"
  refuse 1 "broken.png" $encode --vae "$names" --data "$scratch/folder" --image-size 16 --out "$scratch/no.npz"
  rm "$scratch/folder/3/broken.png"
  check "a folder needs no table of names" env TRANSIT_NAMES="$scratch/none" $decode --data "$small" --out "$scratch/tableless"
  warns "--vae: TRANSIT_NAMES: cannot open '$scratch/none': No such file or directory: '$names' is taken as the path that is there"
  # A full disk, while it works and when it writes.
  refuse 1 "File too large" sh -c "ulimit -f 8; $decode --data '$small' --out '$scratch/no'"
  refuse 1 "File too large" sh -c "ulimit -f 2; $encode --vae '$names' --data '$x' --out '$scratch/no.npz'"
  # A signal.
  npy "$scratch/many.npy" "<f4" "(5000, 4, 16, 16)" 20480000
  ends 143 sh -c "$decode --data '$scratch/many.npy' --out '$scratch/no' & sleep 0.2; kill \$!; wait \$!"
  absent "$scratch/no" "$scratch/no.npz"
  left=$(find "$scratch" -name 'no*' -o -name '*.tmp' -o -name '.transit-*')
  equals "$left" "" "files left behind"
}

finish
