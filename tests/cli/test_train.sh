# transit train: the reference's twenty steps by given draws; cut, killed and interrupted trainings that go on to the same bytes;
# checkpoints that the other commands take; what is refused.
. "$(dirname "$0")/common.sh"

data=$here/../../experiments/digits/digits.npz
goldens=$here/../data/goldens
small="$transit train --data-path $data --global-batch-size 32 --hidden 16 --depth 2 --num-heads 2 --lr 1e-3 --ema-decay 0.9,0.5
  --log-every 4 --threads 1"

# Losses of metrics.jsonl, a step and its loss a line.
losses() {
  sed -n 's/.*"step":\([0-9]*\),.*"loss":\([^,]*\),"grad_norm":\([^,]*\),"lr":\([^,]*\),.*/\1 \2 \3 \4/p' "$1/metrics.jsonl"
}

same_training() { # same_training WHAT A B STEP
  same "$2/checkpoints/$4.pt" "$3/checkpoints/$4.pt"
  same "$2/checkpoints/$4.safetensors" "$3/checkpoints/$4.safetensors"
  losses "$2" >"$scratch/one"
  losses "$3" >"$scratch/other"
  same "$scratch/one" "$scratch/other"
}

# shellcheck disable=SC2086
{
  # ---- the reference ----
  reference="$transit train --init-weights $goldens/ema.pt --draws $goldens/train20.npz --num-classes 10 --num-heads 3 --hidden 48
    --depth 3 --global-batch-size 4 --lr 1e-3 --weight-decay 0.01 --ema-decay 0.99 --dtype f64 --log-every 1"
  check "twenty steps" $reference --max-steps 20 --out "$scratch/reference"
  trained=$(sed -n 's/^\([0-9]*\) parameters, .*/\1/p' "$scratch/stdout")
  equals "$(losses "$scratch/reference" | grep -c .)" 20 "lines of metrics.jsonl"
  check "what it trained" $transit inspect "$scratch/reference/checkpoints/0000020.pt"
  says "weights ema: 42 tensors, $trained parameters and a table of 768, "
  python3 - "$goldens/train20.npz" "$scratch/reference/metrics.jsonl" <<'END' || fail "losses of the reference"
import json, struct, sys, zipfile

raw = zipfile.ZipFile(sys.argv[1]).read("losses.npy")
start = 10 + struct.unpack("<H", raw[8:10])[0]
want = struct.unpack("<20d", raw[start:start + 160])
got = [json.loads(line)["loss"] for line in open(sys.argv[2])]
sys.exit(len(got) != 20 or max(abs(a / b - 1) for a, b in zip(got, want)) > 1e-8)
END
  checks=$((checks + 1))
  refuse 2 "--draws has 20" $reference --max-steps 21 --out "$scratch/refused"
  absent "$scratch/refused"

  # ---- exact resume ----
  check "a training" $small --max-steps 23 --ckpt-every 10 --out "$scratch/whole"
  says "finished at step 23 of 23"
  present "$scratch/whole/run.json" "$scratch/whole/log.txt" "$scratch/whole/checkpoints/0000010.pt"
  equals "$(losses "$scratch/whole" | grep -c .)" 5 "lines of metrics.jsonl"
  check "a part of it" $small --max-steps 11 --out "$scratch/parts"
  check "the rest" "$transit" train --resume "$scratch/parts" --max-steps 23 --threads 2
  says "going on from step 11"
  same_training "in two parts" "$scratch/whole" "$scratch/parts" 0000023
  check "pieces" $small --max-steps 23 --accumulate 5 --recompute --out "$scratch/pieces"
  same_training "in pieces" "$scratch/whole" "$scratch/pieces" 0000023
  check "another seed" $small --max-steps 23 --global-seed 1 --out "$scratch/seed"
  differ "$scratch/whole/checkpoints/0000023.safetensors" "$scratch/seed/checkpoints/0000023.safetensors"
  check "mirrored" $small --max-steps 23 --flip --out "$scratch/flip"
  differ "$scratch/whole/checkpoints/0000023.safetensors" "$scratch/flip/checkpoints/0000023.safetensors"
  check "the last two" $small --max-steps 23 --ckpt-every 5 --keep 2 --out "$scratch/kept"
  equals "$(cd "$scratch/kept/checkpoints" && echo *)" \
    "0000020.pt 0000020.safetensors 0000023.pt 0000023.safetensors" "checkpoints kept"

  # ---- what TensorBoard reads ----
  checks=$((checks + 1))
  python3 "$here/checks/check_events.py" "$scratch/whole"/events.out.tfevents.* >"$scratch/events" || fail "the events of a training"
  equals "$(head -n 1 "$scratch/events")" "START 1" "where the events begin"
  equals "$(grep -c 'train/loss' "$scratch/events")" 5 "losses among the events"
  losses "$scratch/whole" | awk '{ printf "%d %.4g\n", $1, $2 }' >"$scratch/one"
  awk '/train.loss/ { printf "%d %.4g\n", $1, $3 }' "$scratch/events" >"$scratch/other"
  same "$scratch/one" "$scratch/other"
  for file in "$scratch/parts"/events.out.tfevents.*; do python3 "$here/checks/check_events.py" "$file"; done | sed -n 's/^START //p' |
    sort -n >"$scratch/starts"
  equals "$(tr '\n' ' ' <"$scratch/starts")" "1 12 " "where the events of two parts begin"

  # ---- killed and interrupted ----
  $small --max-steps 100000 --ckpt-every 3 --keep 3 --out "$scratch/killed" >"$scratch/stdout" 2>&1 &
  pid=$!
  while [ ! -e "$scratch/killed/checkpoints/0000006.pt" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -9 $pid
  wait $pid 2>/dev/null
  last=$(ls "$scratch/killed/checkpoints" | sed -n 's/^0*\([0-9]*\)\.pt$/\1/p' | sort -n | tail -1)
  check "after kill -9" "$transit" train --resume "$scratch/killed" --max-steps $((last + 5))
  says "going on from step $last"
  check "the same without it" $small --max-steps $((last + 5)) --ckpt-every $((last + 5)) --out "$scratch/unkilled"
  same_training "killed" "$scratch/unkilled" "$scratch/killed" "$(printf %07d $((last + 5)))"

  $small --max-steps 100000 --ckpt-every 100000 --out "$scratch/stopped" >"$scratch/stdout" 2>"$scratch/stderr" &
  pid=$!
  while [ ! -s "$scratch/stopped/metrics.jsonl" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -TERM $pid
  wait $pid
  equals $? 0 "status after SIGTERM"
  says "--resume goes on"
  equals "$(ls "$scratch/stopped/checkpoints" | grep -c '\.pt$')" 1 "checkpoints after SIGTERM"
  last=$(ls "$scratch/stopped/checkpoints" | sed -n 's/^0*\([0-9]*\)\.pt$/\1/p')
  check "after SIGTERM" "$transit" train --resume "$scratch/stopped" --max-steps $((last + 3))
  check "the same without it" $small --max-steps $((last + 3)) --out "$scratch/unstopped"
  same_training "stopped" "$scratch/unstopped" "$scratch/stopped" "$(printf %07d $((last + 3)))"

  # ---- what other commands see ----
  for file in 0000023.pt 0000023.safetensors; do
    check "inspect $file" "$transit" inspect "$scratch/whole/checkpoints/$file"
    says "heads: 2"
    check "sample of $file" "$transit" sample ODE --ckpt "$scratch/whole/checkpoints/$file" --num-samples 2 --sampling-method euler \
      --num-sampling-steps 3 --threads 1 --out "$scratch/drawn.$file"
  done
  same "$scratch/drawn.0000023.pt/samples.npz" "$scratch/drawn.0000023.safetensors/samples.npz"
  npy "$scratch/points.npy" '<f4' '(64, 2)' 512
  check "vectors" "$transit" train --data-path "$scratch/points.npy" --global-batch-size 16 --max-steps 3 --hidden 8 --depth 1 \
    --path-type GVP --prediction noise --loss-weight velocity --time-sampling stratified --out "$scratch/mlp"
  check "their samples" "$transit" sample ODE --ckpt "$scratch/mlp/checkpoints/0000003.pt" --num-samples 2 --threads 1 --out "$scratch/drawn.mlp"

  # ---- refused ----
  out=$scratch/refused
  refuse 2 "--lr was 0.001, is 0.002" "$transit" train --resume "$scratch/parts" --lr 2e-3
  refuse 1 "no training lies there" "$transit" train --resume "$scratch/nowhere"
  mkdir "$scratch/broken" && echo '{"command":' >"$scratch/broken/run.json"
  refuse 1 "run.json cannot be read" "$transit" train --resume "$scratch/broken"
  refuse 2 "--data-path is missing" "$transit" train --out "$out"
  refuse 2 "1797 usable inputs" "$transit" train --data-path "$data" --global-batch-size 1798 --out "$out"
  refuse 2 "classes are 0 to 4" "$transit" train --data-path "$data" --num-classes 5 --out "$out"
  refuse 2 "has its own" "$transit" train --data-path "$data" --model SiT-S/2 --hidden 4 --out "$out"
  refuse 2 "cannot be cut" "$transit" train --data-path "$data" --patch 3 --out "$out"
  refuse 2 "at most 4" "$transit" train --data-path "$data" --ema-decay 0.1,0.2,0.3,0.4,0.5 --out "$out"
  refuse 1 "pos_embed" "$transit" train --data-path "$data" --init-weights "$goldens/ema.pt" --out "$out"
  refuse 2 "--global-batch-size is 5" "$transit" train --draws "$goldens/train20.npz" --num-classes 10 --max-steps 20 \
    --global-batch-size 5 --out "$out"
  refuse 2 "holds" $small --max-steps 3 --out "$scratch/mlp"
  refuse 2 "its states are not those of" "$transit" train --data-path "$data" --draws "$goldens/train20.npz" --global-batch-size 4 \
    --max-steps 2 --out "$out"
  refuse 2 "of a network with num_heads 2: here it is 4" "$transit" train --data-path "$data" --hidden 16 --depth 2 --num-heads 4 \
    --ckpt "$scratch/whole/checkpoints/0000023.pt" --out "$out"
  refuse 2 "has taken 23 steps" $small --ckpt "$scratch/whole/checkpoints/0000023.pt" --max-steps 23 --out "$out"
  refuse 1 "No such file" "$transit" train --data-path "$scratch/none" --out "$out"
  refuse 2 "holds states of 8 x 8" $small --image-size 16 --out "$out"
  refuse 2 "logit-normal" $small --time-mean 1 --out "$out"
  refuse 2 "in its own folder" "$transit" train --resume "$scratch/parts" --out "$out"
  absent "$out"
  # Numbers that no step should leave are not written.
  refuse 1 "not finite" "$transit" train --data-path "$data" --hidden 16 --depth 1 --global-batch-size 16 --lr 1e39 --max-steps 1 --out "$out"
  equals "$(ls -A "$out/checkpoints")" "" "checkpoints of numbers that are not finite"
  npy "$scratch/wild.npy" '<f4' '(64, 2)' 512 '\127'
  refuse 1 "the squares of the gradient of '" "$transit" train --data-path "$scratch/wild.npy" --hidden 8 --depth 1 --global-batch-size 16 --max-steps 2 \
    --out "$scratch/wild"
  equals "$(ls -A "$scratch/wild/checkpoints")" "" "checkpoints of squares that are not finite"
  rm -rf "$out"
  # A folder that is no training's, or no longer, or whose data has changed.
  mkdir -p "$out"
  for record in '{"command": "sample"}' '{"command": "train"}' '{"command": "train", "arguments": [1]}' \
    '{"command": "train", "arguments": ["--data-path", null]}' '{"command": "train", "arguments": ["--help"]}' '[' '7'; do
    echo "$record" >"$out/run.json"
    "$transit" train --resume "$out" >"$scratch/stdout" 2>"$scratch/stderr"
    got=$?
    checks=$((checks + 1))
    { [ $got -eq 1 ] || [ $got -eq 2 ]; } && grep -q 'run.json' "$scratch/stderr" || fail "status $got on $record: $(cat "$scratch/stderr")"
  done
  rm -rf "$out"
  head -c 640 "$scratch/points.npy" >"$scratch/moving.npy"
  check "vectors that change" "$transit" train --data-path "$scratch/moving.npy" --global-batch-size 16 --max-steps 3 --hidden 8 --depth 1 \
    --out "$scratch/moved"
  printf x | dd of="$scratch/moving.npy" bs=1 seek=200 conv=notrunc 2>/dev/null
  refuse 2 "holds other data" "$transit" train --resume "$scratch/moved" --max-steps 6
  # One process trains in a folder, and removes what one that was killed had half written.
  $small --max-steps 100000 --ckpt-every 2 --keep 1 --out "$scratch/locked" >"$scratch/stdout" 2>&1 &
  pid=$!
  while [ ! -e "$scratch/locked/log.txt" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  while ! ls "$scratch/locked/checkpoints" 2>/dev/null | grep -q '\.pt$' && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  refuse 1 "another process trains" "$transit" train --resume "$scratch/locked" --max-steps 3
  kill -9 $pid
  wait $pid 2>/dev/null
  touch "$scratch/locked/checkpoints/0000001.pt.1-0.tmp"
  echo mine | tee "$scratch/locked/mine.tmp" >"$scratch/locked/checkpoints/mine.pt.tmp"
  check "after it" "$transit" train --resume "$scratch/locked" --max-steps 1
  says "nothing to do"
  absent "$scratch/locked/checkpoints/0000001.pt.1-0.tmp"
  present "$scratch/locked/mine.tmp" "$scratch/locked/checkpoints/mine.pt.tmp"
}

finish
