#!/bin/sh
# transit sample --model --vae: the weights of a published network and of an autoencoder by their names, fetched when they are absent, as
# the first command of the documents has it. The hub is one of ours, with small networks under the published names.
# usage: test_published.sh PROGRAM SCRATCH
. "$(dirname "$0")/../common.sh"
. "$(dirname "$0")/common.sh"

# ---- a small SiT for latents of 256 pixels, trained for a step, under the name of a large one ----
python3 - "$scratch/latents.npz" <<'END'
import struct, sys, zipfile

def npy(descr, shape, data):
    head = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data

values = [(i * 2654435761 % 1000) / 500 - 1 for i in range(4 * 4 * 32 * 32)]
with zipfile.ZipFile(sys.argv[1], "w") as out:
    out.writestr("latents.npy", npy("<f4", (4, 4, 32, 32), struct.pack("<%df" % len(values), *values)))
    out.writestr("labels.npy", npy("<i8", (4,), struct.pack("<4q", 207, 360, 387, 974)))
END
check "a small network" "$transit" train --data-path "$scratch/latents.npz" --num-classes 1000 --global-batch-size 4 --hidden 16 --depth 1 \
  --num-heads 2 --max-steps 1 --threads 1 --out "$scratch/train"
sit=$hub/nyu-visionx/SiT-collections
mkdir -p "$sit"
cp "$scratch/train/checkpoints/0000001.pt" "$sit/SiT-XL-2-256.pt"
check "its weights alone" "$transit" convert "$scratch/train/checkpoints/0000001.pt" "$sit/SiT-XL-2-512.pt" --weights ema --bare
# Two autoencoders, one as weights in .safetensors, one in an older .bin.
autoencoders=$tests/data/goldens/vae2
mkdir -p "$hub/stabilityai/sd-vae-ft-ema" "$hub/stabilityai/sd-vae-ft-mse"
cp "$autoencoders/names/"* "$hub/stabilityai/sd-vae-ft-ema/"
cp "$autoencoders/old/"* "$hub/stabilityai/sd-vae-ft-mse/"
serve
first="--seed 1 --class-labels 207,360,387,974 --cfg-scale 4 --num-sampling-steps 5 --sampling-method heun2 --threads 1"

# ---- the first command ----
# shellcheck disable=SC2086
{
  check "the weights by name" "$transit" sample ODE --model SiT-XL/2 --image-size 256 $first --out "$scratch/named"
  check "the same by file" "$transit" sample ODE --ckpt "$sit/SiT-XL-2-256.pt" $first --out "$scratch/file"
  same "$scratch/named/samples.npz" "$scratch/file/samples.npz"
  found=$cache/models--nyu-visionx--SiT-collections/snapshots/$(cat "$cache/models--nyu-visionx--SiT-collections/refs/main")/SiT-XL-2-256.pt
  equals "$(sed -n 's/^ *"ckpt": "\(.*\)",$/\1/p' "$scratch/named/run.json")" "$found" "the checkpoint in run.json"
  grep -q '"model": "SiT-XL/2"' "$scratch/named/run.json" || fail "run.json does not tell the name"

  # What is here is taken without asking anybody.
  : >"$hub.log"
  check "the usual size" "$transit" sample ODE --model SiT-XL/2 $first --out "$scratch/again"
  same "$scratch/named/samples.npz" "$scratch/again/samples.npz"
  check "a file of the hub" "$transit" sample ODE --model nyu-visionx/SiT-collections:SiT-XL-2-256.pt $first --out "$scratch/spelled"
  same "$scratch/named/samples.npz" "$scratch/spelled/samples.npz"
  asked . 0 "requests for what is there"

  # The name tells what the weights alone do not, and is held to them.
  refuse 1 "the weights (width 16, depth 1, patch 2) are not those of SiT-XL/2" "$transit" sample ODE --model SiT-XL/2 --image-size 512 \
    $first --out "$scratch/none"
  check "with the heads" "$transit" sample ODE --model SiT-XL/2 --image-size 512 --num-heads 2 $first --out "$scratch/heads"
  same "$scratch/named/samples.npz" "$scratch/heads/samples.npz"

  # A bare SiT-S/8, all zeros: the name alone tells its six heads.
  python3 - "$scratch/zeros.safetensors" <<'END'
import json, struct, sys

d, blocks = 384, 12
shapes = {"pos_embed": [1, 16, d], "x_embedder.proj.weight": [d, 4, 8, 8], "x_embedder.proj.bias": [d], "t_embedder.mlp.0.weight": [d, 256],
          "t_embedder.mlp.0.bias": [d], "t_embedder.mlp.2.weight": [d, d], "t_embedder.mlp.2.bias": [d],
          "y_embedder.embedding_table.weight": [1001, d], "final_layer.linear.weight": [512, d], "final_layer.linear.bias": [512],
          "final_layer.adaLN_modulation.1.weight": [2 * d, d], "final_layer.adaLN_modulation.1.bias": [2 * d]}
for i in range(blocks):
    for name, rows, columns in (("attn.qkv", 3 * d, d), ("attn.proj", d, d), ("mlp.fc1", 4 * d, d), ("mlp.fc2", d, 4 * d), ("adaLN_modulation.1", 6 * d, d)):
        shapes[f"blocks.{i}.{name}.weight"], shapes[f"blocks.{i}.{name}.bias"] = [rows, columns], [rows]
at, header = 0, {}
for name, shape in shapes.items():
    size = 4
    for side in shape:
        size *= side
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text)
    out.truncate(8 + len(text) + at)
END
  printf '{"names": {"SiT-S/8": {"also": ["%s"]}}}' "$scratch/zeros.safetensors" >"$scratch/names.json"
  short="--num-samples 1 --sampling-method euler --num-sampling-steps 2"
  check "heads by the name" env TRANSIT_NAMES="$scratch/names.json" "$transit" sample ODE --model SiT-S/8 $short --out "$scratch/zeros"
  grep -q '"num-heads": 6' "$scratch/zeros/run.json" || fail "heads: $(grep heads "$scratch/zeros/run.json")"
  refuse 2 "the checkpoint does not tell its attention heads" "$transit" sample ODE --ckpt "$scratch/zeros.safetensors" $short --out "$scratch/none"
  rm "$scratch/zeros.safetensors"

  # ---- the autoencoder by its name, and latents as pictures ----
  for name in ema mse; do
    check "decode by $name" "$transit" decode --vae $name --data "$scratch/named/samples.npz" --threads 1 --out "$scratch/$name"
    check "decode by a folder" "$transit" decode --vae "$hub/stabilityai/sd-vae-ft-$name" --data "$scratch/named/samples.npz" --threads 1 \
      --out "$scratch/$name-folder"
    same "$scratch/$name/images.npz" "$scratch/$name-folder/images.npz"
  done
  check "decode by a folder, where the environment names no place" env -u HOME -u HF_HOME "$transit" decode \
    --vae "$hub/stabilityai/sd-vae-ft-ema" --data "$scratch/named/samples.npz" --threads 1 --out "$scratch/homeless"
  same "$scratch/ema/images.npz" "$scratch/homeless/images.npz"
  asked '^cdn GET .*/diffusion_pytorch_model.safetensors ' 1 "transfers of an autoencoder"
  asked '^cdn GET .*/diffusion_pytorch_model.bin ' 1 "transfers of an older one"

  # ---- the first command as the documents have it, pictures and all ----
  rm -rf "$cache"
  check "the first command" "$transit" sample ODE --model SiT-XL/2 --image-size 256 --vae ema $first --out "$scratch/first"
  present "$scratch/first/samples.png" "$scratch/first/samples.npz" "$scratch/first/run.json"
  python3 - "$scratch/first/samples.npz" "$scratch/ema/images.npz" <<'END' || fail "the pictures are not those of decode"
import sys, zipfile

first, decoded = (zipfile.ZipFile(path).read("arr_0.npy")[-4 * 64 * 64 * 3 :] for path in sys.argv[1:])
sys.exit(first != decoded or len(set(first)) < 10)
END
  checks=$((checks + 1))
  check "the first command, offline" env HF_HUB_OFFLINE=1 "$transit" sample ODE --model SiT-XL/2 --image-size 256 --vae ema $first --out "$scratch/offline"
  for file in samples.png samples.npz; do same "$scratch/first/$file" "$scratch/offline/$file"; done
  refuse 1 "--vae: config.json and diffusion_pytorch_model.safetensors of stabilityai/sd-vae-ft-mse are not here (HF_HUB_OFFLINE is set): fetch them elsewhere and put them into '$HOME/.cache/transit/stabilityai/sd-vae-ft-mse/'" \
    env HF_HUB_OFFLINE=1 "$transit" sample ODE --model SiT-XL/2 --vae mse $first --out "$scratch/none"

  # ---- a reference by its name ----
  mkdir -p "$hub/files"
  cp "$scratch/first/samples.npz" "$hub/files/batch.npz"
  printf '{"names": {"my-batch": {"url": "http://127.0.0.1:%s/files/batch.npz", "files": ["batch.npz"]}}}' "$hub_port" >"$scratch/references.json"
  pixels="--samples $scratch/first/samples.npz --classifier-free --threads 1"
  check "a reference by name" env TRANSIT_NAMES="$scratch/references.json" "$transit" evaluate $pixels --reference my-batch --out "$scratch/by-name"
  check "the same by file" "$transit" evaluate $pixels --reference "$HOME/.cache/transit/batch.npz" --out "$scratch/by-file"
  # Warnings name the reference as it was given.
  for run in by-name by-file; do grep -v '"--reference' "$scratch/$run/evaluate.json" >"$scratch/$run.json"; done
  same "$scratch/by-name.json" "$scratch/by-file.json"
  refuse 1 "--reference: VIRTUAL_imagenet512.npz is not here (HF_HUB_OFFLINE is set): fetch it elsewhere and put it into '$HOME/.cache/transit/'" \
    env HF_HUB_OFFLINE=1 "$transit" evaluate $pixels --reference admnet-imagenet-512 --out "$scratch/none"

  # ---- what is no name, or cannot be had ----
  refuse 2 "--inception: 'incepton' is no file, and no name of 'transit fetch --list': did you mean 'inception'?" "$transit" evaluate \
    --samples "$scratch/first/samples.npz" --reference "$scratch/first/samples.npz" --inception incepton --out "$scratch/none"
  refuse 2 "--inception: 'weights/x.pth' is no file, and no name of" "$transit" evaluate --samples "$scratch/first/samples.npz" \
    --reference "$scratch/first/samples.npz" --inception weights/x.pth --out "$scratch/none"
  refuse 2 "--model: no weights of 'SiT-XL/2-300' are known, but of SiT-XL/2-256, SiT-XL/2-512" "$transit" sample ODE --model SiT-XL/2 \
    --image-size 300 $first --out "$scratch/none"
  refuse 2 "--model: no weights of 'SiT-XL/3' are known, but of SiT-XL/2" "$transit" sample ODE --model SiT-XL/3 $first --out "$scratch/none"
  refuse 2 "--model: 'nyu-visionx/SiT-collections:SiT-XL-2-256.pt' is one file: --image-size chooses among the names" "$transit" sample ODE \
    --model nyu-visionx/SiT-collections:SiT-XL-2-256.pt --image-size 256 $first --out "$scratch/none"
  refuse 2 "--model beside --ckpt" "$transit" sample ODE --model SiT-XL/2 --ckpt "$digits" --out "$scratch/none"
  refuse 2 "--image-size without --model" "$transit" sample ODE --image-size 256 --ckpt "$digits" --out "$scratch/none"
  refuse 2 "--ckpt is missing: give --ckpt FILE, or --model NAME" "$transit" sample SDE --out "$scratch/none"
  refuse 1 "--model: nyu-visionx/SiT-collections has no file SiT-B-2-256.pt at main (404)" "$transit" sample ODE --model SiT-B/2 $first --out "$scratch/none"
  refuse 1 "--model: SiT-S-2-256.pt of nyu-visionx/SiT-collections is not here (HF_HUB_OFFLINE is set): fetch it elsewhere and put it into '$HOME/.cache/transit/" \
    env HF_HUB_OFFLINE=1 "$transit" sample ODE --model SiT-S/2 $first --out "$scratch/none"
  absent "$scratch/none"

  # ---- on two ranks one fetches, the other waits ----
  if command -v mpirun >/dev/null 2>&1; then
    rm -rf "$cache"
    : >"$hub.log"
    check "on two ranks" on 2 "$transit" sample ODE --model SiT-XL/2 --image-size 256 $first --batch-size 2 --out "$scratch/ranks"
    check "on one" "$transit" sample ODE --model SiT-XL/2 --image-size 256 $first --batch-size 2 --out "$scratch/one"
    same "$scratch/ranks/samples.npz" "$scratch/one/samples.npz"
    asked '^cdn GET ' 1 "transfers of one file"
  fi
}
finish
