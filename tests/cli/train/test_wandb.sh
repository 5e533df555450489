# transit train --wandb: what its Python package is told, by a package that writes it down, and by the real one offline where
# there is one (tests/.venv or python3); a child that dies; what is missing.
. "$(dirname "$0")/../common.sh"

data=$here/../../../experiments/digits/digits.npz
small="$transit train --data-path $data --global-batch-size 16 --hidden 16 --depth 1 --num-heads 2 --lr 1e-3 --threads 1 --log-every 2"
export FAKE_WANDB="$scratch/calls"
unset WANDB_KEY ENTITY PROJECT WANDB_MODE
fake=$here/../checks/fake_wandb

# told CALL: lines that the package has been told of this kind.
told() {
  sed -n "/\"call\": \"$1\"/p" "$FAKE_WANDB"
}

# shellcheck disable=SC2086
{
  # ---- a run ----
  check "a training" env PYTHONPATH=$fake WANDB_KEY=secret ENTITY=us PROJECT=digits $small --max-steps 4 --sample-every 4 --num-samples 4 \
    --num-sampling-steps 3 --wandb --out "$scratch/run"
  cp "$FAKE_WANDB" "$scratch/first"
  equals "$(told login)" '{"call": "login", "key": "secret"}' "the key"
  told init >"$scratch/stdout"
  says '"entity": "us"'
  says '"project": "digits"'
  says '"id": null'
  says '"resume": "allow"'
  says "\"dir\": \"$scratch/run\""
  says '"global-batch-size": 16'
  equals "$(told log | grep -c train/loss)" 2 "lines with a loss"
  loss=$(sed -n 's/.*"step":2,.*"loss":\([^,]*\),.*/\1/p' "$scratch/run/metrics.jsonl")
  told log | grep '"step": 2' >"$scratch/stdout"
  says "\"train/loss\": $(printf %.10s "$loss")"
  told log | grep samples >"$scratch/stdout"
  says "\"samples\": \"$scratch/run/samples/0000004.png\""
  says '"step": 4'
  equals "$(told finish)" '{"call": "finish", "exit_code": 0}' "the end"
  equals "$(sort "$scratch/run/wandb.txt")" "$(printf 'on the standard error\non the standard output')" "what the package prints"
  grep -q '"id": "made-up"' "$scratch/run/run.json" || fail "no id in run.json"
  check "without it" $small --max-steps 4 --out "$scratch/without"
  same "$scratch/run/checkpoints/0000004.pt" "$scratch/without/checkpoints/0000004.pt"
  rm "$FAKE_WANDB"
  check "resumed" env PYTHONPATH=$fake "$transit" train --resume "$scratch/run" --max-steps 6
  told init >"$scratch/stdout"
  says '"id": "made-up"'
  equals "$(told log | grep -c '"step": 6')" 1 "lines of step 6"
  check "resumed with it" env PYTHONPATH=$fake "$transit" train --resume "$scratch/without" --max-steps 6 --wandb
  rm "$FAKE_WANDB"
  check "resumed without it" "$transit" train --resume "$scratch/run" --max-steps 8 --no-wandb
  check "resumed again" "$transit" train --resume "$scratch/run" --max-steps 9
  absent "$FAKE_WANDB"
  check "resumed with it again" env PYTHONPATH=$fake "$transit" train --resume "$scratch/run" --max-steps 10 --wandb
  told init >"$scratch/stdout"
  says '"id": "made-up"'
  refuse 2 "--wandb and --no-wandb: give one of them" $small --max-steps 1 --wandb --no-wandb --out "$scratch/both"
  absent "$scratch/both"
  rm "$FAKE_WANDB"
  check "offline" env WANDB_MODE=offline WANDB_KEY=secret PYTHONPATH=$fake $small --max-steps 1 --wandb --out "$scratch/offline"
  equals "$(told login)" "" "the key offline"

  # ---- ends ----
  rm "$FAKE_WANDB"
  env PYTHONPATH=$fake $small --max-steps 100000 --wandb --out "$scratch/stopped" >"$scratch/stdout" 2>"$scratch/stderr" &
  pid=$!
  while [ ! -s "$scratch/stopped/metrics.jsonl" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  stop $pid INT 0
  equals "$(told finish)" '{"call": "finish", "exit_code": 0}' "the end by Ctrl-C"
  rm "$FAKE_WANDB"
  refuse 1 "not finite" env PYTHONPATH=$fake "$transit" train --data-path $data --hidden 16 --depth 1 --global-batch-size 16 --lr 1e39 --max-steps 1 --wandb \
    --out "$scratch/wild"
  equals "$(told finish)" '{"call": "finish", "exit_code": 1}' "the end of a training that failed"
  rm "$FAKE_WANDB"
  env PYTHONPATH=$fake $small --max-steps 100000 --wandb --out "$scratch/killed" >"$scratch/stdout" 2>"$scratch/stderr" &
  pid=$!
  while [ ! -s "$scratch/killed/metrics.jsonl" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -KILL $pid
  wait $pid 2>/dev/null
  tries=0
  while [ -z "$(told finish)" ] && [ $tries -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
  equals "$(told finish)" '{"call": "finish", "exit_code": 1}' "the end of a training that was killed"

  # ---- a child that dies ----
  check "a child that dies" env FAKE_WANDB_DIES=2 PYTHONPATH=$fake $small --max-steps 12 --wandb --out "$scratch/dies"
  warns "the training goes on"
  equals "$(grep -c warning "$scratch/stderr")" 1 "warnings"
  says "finished at step 12"

  # ---- refused ----
  out=$scratch/refused
  mkdir -p "$scratch/none" "$scratch/empty"
  echo 'raise ImportError("none here")' >"$scratch/none/wandb.py"
  refuse 1 "pip install wandb" env PYTHONPATH=$scratch/none $small --max-steps 1 --wandb --out "$out"
  absent "$out"
  refuse 1 "needs python3" env PATH=$scratch/empty $small --max-steps 1 --wandb --out "$out"
  absent "$out"
  refuse 1 "no such project" env FAKE_WANDB_FAILS="no such project" PYTHONPATH=$fake $small --max-steps 1 --wandb --out "$out"
  printf 'import os\ndef init(*a, **k): os._exit(7)\n' >"$scratch/empty/wandb.py"
  refuse 1 "python3 ended" env PYTHONPATH=$scratch/empty $small --max-steps 1 --wandb --out "$scratch/unbegun"
  equals "$(grep -c . "$scratch/stderr")" 1 "lines of a run that ended as it began"
  check "the same when it can" env PYTHONPATH=$fake $small --max-steps 1 --wandb --out "$out"

  # ---- the real package ----
  real=
  for folder in "$here/../../.venv/bin" ""; do
    PATH=${folder:+$folder:}$PATH python3 -c 'import wandb; wandb.init' 2>/dev/null && real=${folder:-.} && break
  done
  if [ -z "$real" ]; then
    echo "the real package is left out: neither tests/.venv nor python3 has wandb (pip install wandb)"
  else
    [ "$real" = . ] || PATH=$real:$PATH
    export WANDB_MODE=offline
    check "the real package" $small --max-steps 4 --sample-every 4 --num-samples 4 --num-sampling-steps 3 --wandb --out "$scratch/real"
    equals "$(grep -c warning "$scratch/stderr")" 0 "warnings"
    equals "$(ls -d "$scratch/real/wandb"/offline-run-* | wc -l | tr -d ' ')" 1 "runs"
    check "resumed" "$transit" train --resume "$scratch/real" --max-steps 6
    id=$(sed -n 's/^ *"id": "\([a-z0-9]*\)".*/\1/p' "$scratch/real/run.json")
    equals "$(ls -d "$scratch/real/wandb"/offline-run-*-"$id" | wc -l | tr -d ' ')" 2 "runs with one id"
    present "$scratch/real/wandb"/offline-run-*-"$id"/run-"$id".wandb
    equals "$(find "$scratch/real/wandb" -name 'samples*.png' | wc -l | tr -d ' ')" 1 "pictures"
  fi
}

finish
