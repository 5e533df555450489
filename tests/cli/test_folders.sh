# Folders of results: the same command with the same options may run there again, anything else is refused unless --force is
# given; without --out each run has a folder of its own.
. "$(dirname "$0")/common.sh"
images=$here/../../experiments/digits/digits.npz
quick="--ckpt $digits --num-samples 2 --sampling-method euler --num-sampling-steps 3"
likelihood="$transit likelihood --ckpt $digits --data $images --num 1 --probes 1 --rtol 1e-1"
sweep="$transit sweep --target gaussian:d=1 --solvers euler --num-samples 4"
one=$scratch/one

# untouched FOLDER: what it holds is as `remember` found it.
remember() { (cd "$1" && sha256sum ./*) >"$scratch/sums"; }
untouched() {
  checks=$((checks + 1))
  (cd "$1" && sha256sum ./*) | cmp -s - "$scratch/sums" || fail "$1 has changed"
}

# shellcheck disable=SC2086
{
  check "a first run" "$transit" sample ODE $quick --out "$one"
  check "the same again" "$transit" sample ODE $quick --out "$one"
  check "the same on other threads" "$transit" sample ODE $quick --threads 1 --out "$one"
  check "the same by its defaults" "$transit" sample ODE $quick --seed 0 --out "$one"
  remember "$one"
  refuse 2 "holds results of 'transit sample ODE' (--seed was 0, is 1): nothing was changed" "$transit" sample ODE $quick --seed 1 --out "$one"
  untouched "$one"
  refuse 2 "results of 'transit sample ODE'" "$transit" sample SDE --ckpt "$digits" --num-samples 2 --num-sampling-steps 3 --out "$one"
  refuse 2 "results of 'transit sample ODE'" $likelihood --out "$one"
  refuse 2 "results of 'transit sample ODE'" "$transit" loss --ckpt "$digits" --data "$images" --num-samples 2 --points 2 --out "$one"
  refuse 2 "results of 'transit sample ODE'" $sweep --steps 2 --out "$one"
  refuse 2 "results of 'transit sample ODE'" "$transit" tune-grid --target gaussian:d=1 --nfe 4 --num-samples 4 --out "$one"
  npy "$scratch/x.npy" '<f4' '(1, 1, 8, 8)' 256
  npy "$scratch/t.npy" '<f4' '(1,)' 4
  refuse 2 "results of 'transit sample ODE'" "$transit" field --ckpt "$digits" --init "$scratch/x.npy" --times "$scratch/t.npy" --out "$one"
  untouched "$one"
  check "other options by --force" "$transit" sample ODE $quick --seed 1 --force --out "$one"
  grep -q '"seed": 1' "$one/run.json" || fail "the old record stayed"

  # A record of before an option had its name of now is as good.
  check "a likelihood" $likelihood --out "$scratch/named"
  sed -i 's/"num-samples"/"num"/; s/"sampling-method"/"method"/' "$scratch/named/run.json"
  check "the same likelihood" $likelihood --out "$scratch/named"
  sed -i 's/"num-samples": 1/"num": 2/' "$scratch/named/run.json"
  refuse 2 "(--num-samples was 2, is 1)" $likelihood --out "$scratch/named"

  # An option that is newer than the record is no difference, unless it is given; nor is one that is no more.
  sed -i 's/"num": 2/"num": 1/; /"probes"/d; s/"options": {/"options": { "gone": 7,/' "$scratch/named/run.json"
  refuse 2 "(--probes was absent, is 1)" $likelihood --out "$scratch/named"
  sed -i '/"rtol"/d; s/"options": {/"options": { "probes": 1,/' "$scratch/named/run.json"
  refuse 2 "(--rtol was absent, is 0.1" $likelihood --out "$scratch/named"
  sed -i '/"atol"/d; s/"options": {/"options": { "rtol": 0.1,/' "$scratch/named/run.json"
  check "a record without --atol, which was not given" $likelihood --out "$scratch/named"

  # With --force nothing of another command stays beside the new record; what is nobody's does.
  echo mine >"$one/notes.txt"
  check "another command by --force" $likelihood --force --out "$one"
  present "$one/likelihood.npz" "$one/run.json" "$one/notes.txt"
  equals "$(ls "$one" | grep -c samples)" 0 "samples of another command beside a likelihood's record"
  check "and back" "$transit" sample ODE $quick --force --out "$one"
  present "$one/samples.npz" "$one/samples.png" "$one/notes.txt"
  equals "$(ls "$one" | grep -c 'likelihood\|histogram')" 0 "a likelihood's files beside samples"

  # ... but for what the run itself reads, by any name.
  remember "$one"
  refuse 2 "--out '$one' holds 'samples.npz', which this run reads and --force would remove: use another folder" "$transit" evaluate \
    --samples "$one/samples.npz" --reference "$images" --classifier-free --force --out "$one"
  refuse 2 "which this run reads" "$transit" evaluate --samples "$one/../one/" --reference "$images" --classifier-free --force --out "$one"
  refuse 2 "which this run reads" "$transit" likelihood --ckpt "$digits" --data "$one/samples.npz" --force --out "$one"
  untouched "$one"

  # One folder for every command in turn: it holds what the last one makes, no more.
  in_turn() { # in_turn COMMAND OPTION...
    check "$1 alone" "$transit" "$@" --threads 1 --out "$scratch/alone-$1"
    check "$1 in its turn" "$transit" "$@" --threads 1 --force --out "$scratch/turns"
    equals "$(ls "$scratch/turns" | tr '\n' ' ')" "$(ls "$scratch/alone-$1" | tr '\n' ' ')" "files of $1 behind those of another command"
  }
  npy "$scratch/x.npy" '<f8' '(2, 1, 8, 8)' 1024
  npy "$scratch/t.npy" '<f8' '(2,)' 16
  npy "$scratch/latents.npy" '<f4' '(1, 4, 2, 2)' 64
  in_turn decode --vae "$tests/data/goldens/vae" --data "$scratch/latents.npy"
  in_turn loss --ckpt "$digits" --data "$images" --num-samples 2 --points 2 --grad-norms
  in_turn field --ckpt "$digits" --init "$scratch/x.npy" --times "$scratch/t.npy"
  in_turn tune-grid --target gaussian:d=1 --nfe 4 --num-samples 4 --sampling-method euler
  in_turn likelihood --ckpt "$digits" --data "$images" --num-samples 2 --sampling-method euler --num-sampling-steps 3
  in_turn sweep --target gmm:d=1,modes=2,std=0.5 --num-samples 4 --solvers euler,shark --steps 2 --tight-rtol 1e-3
  in_turn sample ODE $quick
  rm -rf "$scratch/alone-loss"
  in_turn loss --ckpt "$digits" --data "$images" --num-samples 2 --points 2

  # Files of these names that no record tells of.
  mkdir "$scratch/stray"
  echo old >"$scratch/stray/samples.npz"
  refuse 2 "holds 'samples.npz' without a run.json" "$transit" sample ODE $quick --out "$scratch/stray"
  echo '{"of": "another program"}' >"$scratch/stray/run.json"
  refuse 2 "a run.json that is no record of transit" "$transit" sample ODE $quick --out "$scratch/stray"
  equals "$(cat "$scratch/stray/samples.npz")" old "a file that was there"
  check "strays by --force" "$transit" sample ODE $quick --force --out "$scratch/stray"

  # Sweeps: they go on where they were; --force begins another one; and a folder holds one kind of results.
  check "a sweep" $sweep --steps 2 --out "$scratch/sweep"
  check "the same sweep" $sweep --steps 2 --force --out "$scratch/sweep"
  says "1 of 1 row is there already"
  remember "$scratch/sweep"
  refuse 2 "holds another sweep (--steps was [2], is [3])" $sweep --steps 3 --out "$scratch/sweep"
  refuse 2 "results of 'transit sweep'" "$transit" sample ODE $quick --out "$scratch/sweep"
  refuse 2 "results of 'transit sweep'" "$transit" tune-grid --target gaussian:d=1 --nfe 4 --num-samples 4 --out "$scratch/sweep"
  untouched "$scratch/sweep"
  check "another sweep by --force" $sweep --steps 3,4 --force --out "$scratch/sweep"
  equals "$(grep -c euler "$scratch/sweep/results.csv")" 2 "rows of the new sweep"
  check "samples in its place" "$transit" sample ODE $quick --force --out "$scratch/sweep"
  equals "$(ls "$scratch/sweep" | tr '\n' ' ')" "run.json samples.npz samples.png " "what is left of a sweep"
  check "a sweep in their place" $sweep --steps 2 --force --out "$scratch/sweep"
  equals "$(ls "$scratch/sweep" | grep -c 'samples\|run.json')" 0 "samples beside a sweep"
}

# A training is replaced by nothing, and goes on by --resume.
train="$transit train --data-path $images --global-batch-size 4 --hidden 8 --depth 1 --num-heads 2 --max-steps 1"
# shellcheck disable=SC2086
{
  check "a training" $train --out "$scratch/train"
  check "the same, which was complete" $train --out "$scratch/train"
  kept=$(cd "$scratch/train" && find . -type f -exec sha256sum {} + | sort)
  for command in "$train --lr 1e-3" "$transit sample ODE $quick" "$likelihood" "$sweep --steps 2"; do
    for force in "" --force; do
      refuse 2 "holds a training, which nothing replaces: 'transit train --resume' goes on with it" $command $force --out "$scratch/train"
    done
  done
  equals "$(cd "$scratch/train" && find . -type f -exec sha256sum {} + | sort)" "$kept" "a training that others wanted the place of"
  check "a training goes on" "$transit" train --resume "$scratch/train" --max-steps 2
  check "one that is cut short" "$transit" train --data-path "$images" --global-batch-size 4 --hidden 8 --depth 1 --num-heads 2 \
    --max-minutes 0.0001 --out "$scratch/cut"
  refuse 2 "holds a training, which nothing replaces" "$transit" train --data-path "$images" --global-batch-size 4 --hidden 8 --depth 1 \
    --num-heads 2 --max-minutes 0.0001 --out "$scratch/cut"
}

# Without --out: numbers of their own, said; a run that fails takes its folder away again.
mkdir "$scratch/here"
cd "$scratch/here" || exit 1
# shellcheck disable=SC2086
{
  refuse 2 "out of range" "$transit" sample ODE $quick --class-labels 99
  absent out
  check "no --out" "$transit" sample ODE $quick
  says "no --out: the results go to out/sample-0001"
  check "no --out again" "$transit" sample ODE $quick
  says "wrote out/sample-0002/samples.npz"
  check "no --out for a likelihood" $likelihood
  check "no --out for a sweep" $sweep --steps 2
  says "wrote out/sweep-0001/results.csv"
  check "the same sweep has a folder of its own" $sweep --steps 2
  check "a sweep goes on" $sweep --steps 2 --out out/sweep-0001
  says "1 of 1 row is there already"
}
present out/sample-0001/run.json out/sample-0002/samples.npz out/likelihood-0001/likelihood.npz out/sweep-0002/table.md
equals "$(ls -A out | wc -l | tr -d ' ')" 5 "folders"
equals "$(find out -name '.*' | wc -l | tr -d ' ')" 0 "hidden files left"
finish
