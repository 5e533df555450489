# transit sample in shards: the files of a run at once, whatever the batches and ranks; what may not differ when a run goes on;
# a full disk, damaged shards, two runs in one folder, Ctrl-C; memory.
. "$(dirname "$0")/../common.sh"
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }
steps="ODE --sampling-method heun2 --num-sampling-steps 3 --threads 1"
grid="$steps --class-labels random --seed 7 --num-samples 70"
few="$grid --ckpt $digits --shard-size 16"
draw="$transit sample"
sums() { (cd "$1" && find . -name '*.png' -o -name samples.npz | sort | xargs sha256sum); }
look() { check "$1" python3 "$here/check_shards.py" "$@"; } # look DIR [DIR OF A RUN AT ONCE]

# ---- the same samples, however they are drawn ----
# shellcheck disable=SC2086
{
  check "at once" $draw $grid --ckpt "$digits" --out "$scratch/whole"
  check "in shards" $draw $few --batch-size 16 --out "$scratch/one"
  equals "$(cat "$scratch/stderr")" "" "what a run in shards says off a terminal"
  says "wrote $scratch/one/samples.npz, samples.png, images/000000.png to 000069.png and run.json"
  equals "$(ls -A "$scratch/one" | tr '\n' ' ')" "images manifest.json run.json samples.npz samples.png " "files of a run in shards"
  look "$scratch/one" "$scratch/whole"
  same "$scratch/one/samples.png" "$scratch/whole/samples.png"
  first=$(sums "$scratch/one")
  check "other batches" $draw $few --batch-size 5 --out "$scratch/batches"
  check "one shard" $draw $grid --ckpt "$digits" --shard-size 70 --out "$scratch/shard"
  check "larger batches" $draw $few --batch-size 64 --out "$scratch/larger"
  warns "batches of 16, fewer than --batch-size: a shard has no more samples"
  for other in batches shard larger; do equals "$(sums "$scratch/$other")" "$first" "bytes with $other"; done
  for key in nfe n_steps n_rejected stop_reason solver t_start t_end; do
    equals "$(number "$scratch/one/run.json" $key)" "$(number "$scratch/whole/run.json" $key)" "$key of the record"
  done
  check "again" $draw $few --batch-size 16 --out "$scratch/one"
  says "all 70 samples are there already: $scratch/one/samples.npz"
  equals "$(sums "$scratch/one")" "$first" "bytes after the same command"

  # As many of each class; and an adaptive solver, for which shards as large as batches are the run at once.
  balanced="ODE --ckpt $digits --sampling-method dopri5 --rtol 1e-1 --class-labels balanced --num-samples 60 --threads 1 --batch-size 8"
  check "balanced, at once" $draw $balanced --out "$scratch/balanced-whole"
  check "balanced, in shards" $draw $balanced --shard-size 8 --out "$scratch/balanced"
  look "$scratch/balanced" "$scratch/balanced-whole"
  grep -q '"rtol_used": [0-9]' "$scratch/balanced/run.json" || fail "no tolerance in the record of a run in shards"
  # From states that are given: those of a run at once, whose latents are there.
  check "from states, at once" $draw $steps --ckpt "$digits" --init "$scratch/whole/samples.npz" --out "$scratch/init-whole"
  check "from states, in shards" $draw $steps --ckpt "$digits" --init "$scratch/whole/samples.npz" --shard-size 16 --out "$scratch/init"
  look "$scratch/init" "$scratch/init-whole"
  check "by an SDE, at once" $draw SDE --ckpt "$digits" --num-samples 20 --num-sampling-steps 4 --out "$scratch/sde-whole"
  check "by an SDE, in shards" $draw SDE --ckpt "$digits" --num-samples 20 --num-sampling-steps 4 --shard-size 7 --out "$scratch/sde"
  look "$scratch/sde" "$scratch/sde-whole"
  equals "$(grep diffusion_convention "$scratch/sde/run.json")" "$(grep diffusion_convention "$scratch/sde-whole/run.json")" "coefficient of the record"

  # A guide, wherever its file lies.
  guided="$steps --ckpt $digits --num-samples 20 --shard-size 8 --guide-scale 2 --guide-ckpt"
  cp "$digits" "$scratch/guide.pt"
  cp "$digits.json" "$scratch/guide.pt.json"
  check "with a guide" $draw $guided "$digits" --out "$scratch/guided"
  check "with the guide elsewhere" $draw $guided "$scratch/guide.pt" --out "$scratch/guided"
  says "all 20 samples are there already"

  # ---- states that are no pictures: latents, and nothing that would pass for a picture ----
  check "states of two numbers" python3 "$here/../checks/mlp.py" make "$scratch/mlp.safetensors" plain
  check "latents at once" $draw $steps --ckpt "$scratch/mlp.safetensors" --num-samples 50 --out "$scratch/latents-whole"
  check "latents in shards" $draw $steps --ckpt "$scratch/mlp.safetensors" --num-samples 50 --shard-size 16 --out "$scratch/latents"
  says "wrote $scratch/latents/samples.npz and run.json (no picture: states of numbers are no images)"
  look "$scratch/latents" "$scratch/latents-whole"
}

# ---- what only a run at once keeps ----
# shellcheck disable=SC2086
{
  refuse 2 "--shard-size is for runs that only draw samples: --save-times keeps states on the way" $draw $few --save-times 0.5 --out "$scratch/none"
  refuse 2 "--with-logp keeps densities" $draw $few --with-logp --out "$scratch/none"
  refuse 2 "--reverse keeps states of noise" $draw $steps --ckpt "$digits" --shard-size 2 --reverse --init "$scratch/whole/samples.npz" --out "$scratch/none"
  absent "$scratch/none"
}

# ---- a full disk: the shards that are there stay, and the same command goes on ----
out=$scratch/full
# full BLOCKS WORD...: files of at most so many blocks of 512 bytes
full() {
  blocks=$1
  shift
  (
    ulimit -f "$blocks"
    exec $draw "$@"
  )
}
tree() { (cd "$1" && find . -type f | sort | xargs sha256sum); }
# shellcheck disable=SC2086
{
  refuse 1 "cannot write '$out/shards/0000000.npz': File too large" full 12 $grid --ckpt "$digits" --shard-size 70 --out "$out"
  absent "$out"
  refuse 1 "cannot write '$out/samples.npz': File too large" full 16 $few --batch-size 16 --out "$out"
  equals "$(ls -A "$out" | tr '\n' ' ')" "images manifest.json shards " "what is there after a full disk"
  equals "$(ls "$out/shards" | tr '\n' ' ')" "0000000.npz 0000001.npz 0000002.npz 0000003.npz 0000004.npz " "shards after a full disk"
  cp -r "$out" "$scratch/kept"
  python3 - "$out/shards" "$scratch/whole/samples.npz" <<'END' || fail "labels in the shards"
import sys, zipfile
def labels(path):
    raw = zipfile.ZipFile(path).read("labels.npy")
    return raw[10 + int.from_bytes(raw[8:10], "little"):]
assert b"".join(labels("%s/%07d.npz" % (sys.argv[1], i)) for i in range(5)) == labels(sys.argv[2])
END

  # ---- what may not differ ----
  other="$steps --class-labels random --ckpt $digits"
  refuse 2 "--out '$out' holds another run of sample (--seed was 7, is 8): nothing was changed" $draw $other --seed 8 --num-samples 70 \
    --batch-size 16 --shard-size 16 --out "$out"
  refuse 2 "(--num-samples was 70, is 80)" $draw $other --seed 7 --num-samples 80 --shard-size 16 --out "$out"
  refuse 2 "(--cfg-scale was 1" $draw $few --cfg-scale 2 --out "$out"
  refuse 2 "(--shard-size was 16, is 32)" $draw $grid --ckpt "$digits" --shard-size 32 --out "$out"
  refuse 2 "results of 'transit sample ODE' (--shard-size was 16, is null)" $draw $grid --ckpt "$digits" --batch-size 16 --out "$out"
  check "another checkpoint" python3 "$here/../checks/mlp.py" make "$scratch/mlp.safetensors" plain BF16
  refuse 2 "(what --ckpt holds differs)" $draw $steps --ckpt "$scratch/mlp.safetensors" --num-samples 50 --shard-size 16 --out "$scratch/latents"
  equals "$(tree "$out")" "$(tree "$scratch/kept")" "a folder that was refused"

  # ---- what may: the place of the checkpoint, batches, threads; damaged shards and images are made again ----
  printf 'x' | dd of="$out/shards/0000001.npz" bs=1 seek=300 conv=notrunc 2>/dev/null
  head -c 900 "$scratch/kept/shards/0000003.npz" >"$out/shards/0000003.npz"
  rm "$out/shards/0000004.npz" "$out/images/000002.png"
  : >"$out/images/000003.png"
  cp "$digits" "$scratch/moved.pt"
  cp "$digits.json" "$scratch/moved.pt.json"
  echo half >"$out/shards/0000002.npz.123-0.tmp"
  echo half >"$out/images/000040.png.tmp"
  check "going on" $draw $steps --class-labels random --seed 7 --num-samples 70 --batch-size 3 --ckpt "$scratch/moved.pt" --shard-size 16 --out "$out"
  warns "'$out/shards/0000001.npz' is damaged and is made again: "
  warns "'$out/shards/0000003.npz' is damaged and is made again: "
  equals "$(grep -c 'is made again' "$scratch/stderr")" 2 "damaged shards"
  says "32 of the samples were there already"
  equals "$(number "$out/run.json" samples_found)" 32 "samples_found of the record"
  look "$out" "$scratch/whole"
  equals "$(sums "$out")" "$first" "bytes after damage"
  rm -r "$out"

  # Whole shards that are others': of another place, of another run with the same shapes.
  refuse 1 "File too large" full 16 $other --seed 8 --num-samples 70 --shard-size 16 --batch-size 16 \
    --out "$scratch/others"
  cp -r "$scratch/kept" "$out"
  cp "$scratch/kept/shards/0000002.npz" "$out/shards/0000000.npz"
  cp "$scratch/others/shards/0000003.npz" "$out/shards/0000003.npz"
  check "among shards of others" $draw $few --batch-size 16 --out "$out"
  warns "'$out/shards/0000000.npz' is damaged and is made again: it holds other samples than 0 to 15"
  warns "'$out/shards/0000003.npz' is damaged and is made again: it is a shard of another run"
  equals "$(sums "$out")" "$first" "bytes among shards of others"
  rm -r "$out"

  # Batches of an adaptive solver are the samples', so that they may not differ.
  refuse 1 "File too large" full 12 $balanced --shard-size 8 --out "$out"
  refuse 2 "(--batch-size was 8, is 4)" $draw ODE --ckpt "$digits" --sampling-method dopri5 --rtol 1e-1 --class-labels balanced --num-samples 60 \
    --batch-size 4 --shard-size 8 --out "$out"
  check "an adaptive solver goes on" $draw $balanced --shard-size 8 --out "$out"
  same "$out/samples.npz" "$scratch/balanced/samples.npz"

  # ---- folders ----
  refuse 1 "another --out" $draw $few --out "$digits/under"
  mkdir -p "$scratch/stray/images"
  refuse 2 "holds 'images' without a manifest.json" $draw $few --out "$scratch/stray"
  refuse 2 "results of 'transit sample ODE' (--shard-size was null, is 16)" $draw $few --out "$scratch/whole"
  mkdir -p "$scratch/astray" "$scratch/odd/manifest.json"
  ln -s nowhere "$scratch/astray/images"
  refuse 1 "folder '$scratch/astray/images' cannot be made: a link to what is not there has this name" $draw $few --out "$scratch/astray"
  refuse 1 "'$scratch/odd/manifest.json' is no manifest of a run of sample (it is a folder)" $draw $few --out "$scratch/odd"
  cp -r "$scratch/one" "$scratch/replaced"
  check "at once in its place" $draw $grid --ckpt "$digits" --force --out "$scratch/replaced"
  equals "$(ls -A "$scratch/replaced" | tr '\n' ' ')" "run.json samples.npz samples.png " "what is left of a run in shards"
  check "and back" $draw $few --batch-size 16 --force --out "$scratch/replaced"
  equals "$(sums "$scratch/replaced")" "$first" "bytes in the place of others"
  mkdir "$scratch/here"
  check "no --out" sh -c "cd '$scratch/here' && exec $draw $few"
  says "wrote out/sample-0001/samples.npz"
  equals "$(sums "$scratch/here/out/sample-0001")" "$first" "bytes in a folder with a number"
}

# ---- a disk without room for all: said before anything is drawn ----
# shellcheck disable=SC2086
if [ -d /proc/self ]; then refuse 1 "has 0.00 MiB free, and 1.2" $draw $steps --ckpt "$digits" --num-samples 300 --shard-size 100 --out /proc/none; fi
kib=$(df -Pk "$scratch" | awk 'NR == 2 { print $4 }')
if [ "$kib" -lt 400000000 ]; then # else too many samples: an image takes 4 KiB
  # shellcheck disable=SC2086
  refuse 1 " GiB free, and " $draw $steps --ckpt "$digits" --num-samples $((kib / 4 + kib / 100)) --out "$scratch/none"
  absent "$scratch/none"
fi

# ---- a run that would not end by itself: two in one folder, and Ctrl-C ----
slow="SDE --ckpt $digits --num-sampling-steps 2000 --num-samples 64 --batch-size 1 --shard-size 1 --threads 1"
out=$scratch/slow
has_shards() { [ "$(ls "$out/shards" 2>/dev/null | grep -c '\.npz$')" -ge 2 ]; }
# shellcheck disable=SC2086
{
  $draw $slow --out "$out" >"$scratch/stdout" 2>"$scratch/interrupted" &
  pid=$!
  await $pid has_shards
  refuse 1 "another process draws in '$out'" $draw $slow --out "$out"
  stop $pid INT 130
  there=$(ls "$out/shards" | wc -l | tr -d ' ')
  cp "$scratch/interrupted" "$scratch/stderr"
  one_line "interrupted: $there of 64 samples are in '$out', the same command goes on"
  equals "$(ls -A "$out" | tr '\n' ' ')" "images manifest.json shards " "what is there after Ctrl-C"
}

# ---- memory: that of a shard, however many samples there are ----
export ASAN_OPTIONS="${ASAN_OPTIONS-}${ASAN_OPTIONS:+:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0" # it keeps what was freed
quick="ODE --ckpt $digits --sampling-method euler --num-sampling-steps 2 --shard-size 64 --batch-size 64 --threads 1"
# shellcheck disable=SC2086
{
  check "512" $draw $quick --num-samples 512 --out "$scratch/512"
  check "4096" $draw $quick --num-samples 4096 --out "$scratch/4096"
  less "$(number "$scratch/4096/run.json" peak_resident_mib)" "$(number "$scratch/512/run.json" peak_resident_mib | awk '{ print $1 + 3 }')" \
    "MiB of 4096 samples, and 3 more than of 512"
  # more than 4096 are drawn in shards without being asked to be
  check "4097" $draw ODE --ckpt "$digits" --sampling-method euler --num-sampling-steps 2 --num-fid-samples 4097 --threads 1 --out "$scratch/4097"
  says "images/000000.png to 004096.png"
}
finish
