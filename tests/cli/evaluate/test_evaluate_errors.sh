# transit evaluate refuses in one line, with nothing half written: damaged and wrong files, sizes that do not fit, too few samples,
# what is not finite, a full disk. A cache that cannot be written is a warning.
. "$(dirname "$0")/../common.sh"

goldens=$tests/data/goldens
inception=$goldens/inception/inception.pth
out=$scratch/out

# archive FILE.npz NAME...: NAME.npy of the scratch folder, which go.
archive() {
  target=$1
  shift
  (cd "$scratch" && for name; do set -- "$@" "$name.npy"; shift; done && python3 -m zipfile -c "$target" "$@" && rm "$@") || fail "archive $target"
}

cp "$goldens/adm/samples.npz" "$goldens/adm/ref.npz" "$scratch"
chmod u+w "$scratch"/*.npz
samples=$scratch/samples.npz
reference=$scratch/ref.npz
network="--inception $inception --no-cache --out $out"

# shellcheck disable=SC2086
{
  evaluate="$transit evaluate"
  refuse 2 "what is evaluated?" $evaluate --reference "$reference" $network
  refuse 2 "against what?" $evaluate --samples "$samples" $network
  refuse 2 "give one of them" $evaluate --samples "$samples" --features "$samples" --reference "$reference" $network
  refuse 2 "give one of them" $evaluate --samples "$samples" --reference "$reference" --reference-features "$reference" $network
  refuse 2 "need a network" $evaluate --samples "$samples" --reference "$reference" --out "$out"
  npy "$scratch/pool.npy" '<f4' '(3, 128)' 1536
  archive wide.npz pool
  refuse 2 "need a network" $evaluate --features "$scratch/wide.npz" --reference "$samples" --out "$out"
  refuse 2 "has statistics already" $evaluate --samples "$samples" --reference "$reference" $network --save-stats "$scratch/own.npz"
  refuse 2 "--save-stats and --samples '$samples' are one file" $evaluate --samples "$samples" $network --save-stats "$samples"
  refuse 2 "--save-stats and --samples" $evaluate --samples "$samples" --reference "$samples" $network --save-stats "$scratch/../$(basename "$scratch")/samples.npz"
  same "$goldens/adm/samples.npz" "$samples"
  absent "$scratch/own.npz"
  refuse 2 "--preprocess" $evaluate --samples "$samples" --reference "$reference" --preprocess pil $network
  refuse 2 "--dtype bf16 is for networks" $evaluate --samples "$samples" --reference "$reference" --dtype bf16 $network
  refuse 2 "no-such.pth" $evaluate --samples "$samples" --reference "$reference" --inception no-such.pth --out "$out"
  refuse 2 "--reference: 'admnet-imagnet-256' is no file or folder, and no name of 'transit fetch --list': did you mean 'admnet-imagenet-256'?" \
    $evaluate --samples "$samples" --reference admnet-imagnet-256 $network
  refuse 1 "cannot be opened" $evaluate --samples "$scratch/no-such" --reference "$reference" $network

  # Files that are damaged, or something else.
  head -c 40000 "$samples" >"$scratch/cut.npz"
  refuse 1 "cut.npz" $evaluate --samples "$scratch/cut.npz" --reference "$reference" $network
  { head -c 30000 "$samples" && printf 'XXXX' && tail -c +30005 "$samples"; } >"$scratch/bent.npz"
  refuse 1 "damaged" $evaluate --samples "$scratch/bent.npz" --reference "$reference" $network
  printf 'no archive' >"$scratch/text.npz"
  refuse 1 "text.npz" $evaluate --samples "$samples" --reference "$scratch/text.npz" $network
  refuse 1 "it holds SiT" $evaluate --samples "$samples" --reference "$reference" --inception "$goldens/ema.pt" --out "$out"
  if grep -qF '?' "$scratch/stderr"; then fail "more than the first line of what it holds: $(cat "$scratch/stderr")"; fi
  refuse 1 "README.md" $evaluate --samples "$samples" --reference "$reference" --inception "$goldens/README.md" --out "$out"
  check "statistics" python3 "$tests/cli/evaluate/less.py" "$goldens/adm/ref.npz" "$scratch/less.npz" mu sigma
  refuse 1 "it can be a --reference only" $evaluate --samples "$scratch/less.npz" --reference "$reference" $network
  check "half of them" python3 "$tests/cli/evaluate/less.py" "$goldens/adm/ref.npz" "$scratch/half.npz" mu sigma_s
  refuse 1 "half.npz' has 'mu' but no 'sigma': a mean and its covariance are needed" $evaluate --samples "$samples" --reference "$scratch/half.npz" $network
  check "half of them" python3 "$tests/cli/evaluate/less.py" "$goldens/adm/ref.npz" "$scratch/half.npz" mu sigma sigma_s
  refuse 1 "half.npz' has 'sigma_s' but no 'mu_s'" $evaluate --samples "$samples" --reference "$scratch/half.npz" $network

  # Pictures that are none.
  npy "$scratch/latents.npy" '<f4' '(2, 4, 8, 8)' 2048
  archive latents.npz latents
  refuse 1 "decode them first" $evaluate --samples "$scratch/latents.npz" --reference "$reference" $network
  npy "$scratch/arr_0.npy" '<f4' '(2, 8, 8, 3)' 1536
  archive floats.npz arr_0
  refuse 1 "pictures are uint8" $evaluate --samples "$scratch/floats.npz" --reference "$reference" $network
  npy "$scratch/arr_0.npy" '|u1' '(0, 8, 8, 3)' 0
  archive none.npz arr_0
  refuse 1 "holds no picture" $evaluate --samples "$scratch/none.npz" --reference "$reference" $network
  npy "$scratch/arr_0.npy" '|u1' '(2, 8, 8, 3)' 384
  npy "$scratch/labels.npy" '<f4' '(2,)' 8 '\377'
  archive labels.npz arr_0 labels
  refuse 2 "--samples: 'labels' of '$scratch/labels.npz': " $evaluate --samples "$scratch/labels.npz" --reference "$reference" $network
  npy "$scratch/pool.npy" '<f4' '(3, 5)' 60
  archive pool.npz pool
  refuse 1 "give it as --features" $evaluate --samples "$scratch/pool.npz" --reference "$reference" $network
  check "pictures" python3 "$tests/cli/evaluate/pictures.py" "$samples" "$scratch/folder" "$scratch/packed.npz" "$scratch/mixed"
  refuse 1 "all pictures must have one size" $evaluate --samples "$scratch/mixed" --reference "$reference" $network
  mkdir "$scratch/empty"
  refuse 1 "no .png or .jpg" $evaluate --samples "$scratch/empty" --reference "$reference" $network

  # A path needs no table of names.
  TRANSIT_NAMES=$scratch/gone
  export TRANSIT_NAMES
  refuse 1 "pictures are uint8" $evaluate --samples "$samples" --reference "$scratch/floats.npz" $network
  warns "--reference: TRANSIT_NAMES: cannot open '$scratch/gone': No such file or directory: '$scratch/floats.npz' is taken as the path"
  refuse 1 "--reference: TRANSIT_NAMES: cannot open '$scratch/gone'" $evaluate --samples "$samples" --reference virtual $network
  unset TRANSIT_NAMES

  # Numbers that do not fit.
  npy "$scratch/arr_0.npy" '|u1' '(1, 8, 8, 3)' 192
  archive one.npz arr_0
  refuse 2 "1 " $evaluate --samples "$scratch/one.npz" --reference "$reference" $network
  refuse 1 "128" $evaluate --samples "$samples" --reference-features "$scratch/pool.npz" $network
  npy "$scratch/pool.npy" '<f4' '(3, 5)' 60 '\377'
  archive nan.npz pool
  refuse 1 "nan.npz" $evaluate --features "$scratch/nan.npz" --reference-features "$scratch/pool.npz" --out "$out"
  refuse 1 "none of 'pool'" $evaluate --features "$samples" --reference-features "$scratch/pool.npz" --out "$out"
  refuse 1 "of one size" $evaluate --samples "$samples" --reference "$scratch/one.npz" --classifier-free --out "$out"
  refuse 2 "has none" $evaluate --features "$scratch/pool.npz" --reference-features "$scratch/pool.npz" --classifier-free --out "$out"
  absent "$out"

  # What nothing reads is said.
  check "no pictures" $evaluate --features "$scratch/pool.npz" --reference-features "$scratch/pool.npz" --inception "$inception" --preprocess torch --no-cache \
    --dtype f64 --batch-size 3 --out "$out"
  for option in inception preprocess no-cache dtype batch-size; do warns "--$option has no effect: there are no pictures"; done
  rm -r "$out"
  check "no network" $evaluate --samples "$samples" --reference "$samples" --classifier-free --kid-size 9 --preprocess torch --out "$out"
  for option in kid-size preprocess; do warns "--$option has no effect: no network was given"; done
  rm -r "$out"

  # Places that cannot be written.
  printf 'x' >"$scratch/file"
  refuse 1 "there is a file of this name" $evaluate --samples "$samples" --reference "$reference" --inception "$inception" --no-cache --out "$scratch/file"
  refuse 1 "no-such" $evaluate --samples "$samples" $network --save-stats "$scratch/no-such/own.npz"
  (failures=0 && ulimit -f 3 && refuse 1 "cannot write" $evaluate --features "$scratch/pool.npz" --reference-features "$scratch/pool.npz" --out "$out" && exit "$failures") ||
    fail "a full disk"
  absent "$out"
  printf 'x' >"$scratch/samples.npz.features"
  check "a cache that is no folder" $evaluate --samples "$samples" --reference "$scratch/folder" --inception "$inception" --out "$out"
  warns "features are not kept for the next time: '$scratch/samples.npz.features' cannot be written: there is a file of this name"
  equals "$(cat "$scratch/samples.npz.features")" x "what lies in its place"
  filled "$scratch/folder.features" || fail "no cache of the folder"
  rm -r "$scratch/folder.features" "$scratch/samples.npz.features"
  ln -s nowhere "$scratch/samples.npz.features"
  check "a cache that is a link to nothing" $evaluate --samples "$samples" --reference "$scratch/folder" --inception "$inception" --force --out "$out"
  warns "'$scratch/samples.npz.features' cannot be written: it is a link that leads nowhere"
  rm -r "$scratch/folder.features"
  for place in . ./ ../folder/.; do
    check "the folder $place" env -C "$scratch/folder" $evaluate --samples "$place" --reference "$reference" --inception "$inception" --force --out "$out"
    filled "$scratch/folder.features" || fail "no cache of the folder $place"
    rm -r "$scratch/folder.features"
  done
  absent "$scratch/folder/..features"
  (failures=0 && ulimit -f 64 && check "no room for a cache" $evaluate --samples "$samples" --reference "$scratch/folder" --inception "$inception" --force --out "$out" &&
    warns "features are not kept" && exit "$failures") || fail "no room for a cache"
  absent "$scratch/folder.features"
}

finish
