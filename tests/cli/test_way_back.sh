# samples.npz taken up again: its labels are those of its samples, and another guidance than that which drew them is warned of.
. "$(dirname "$0")/common.sh"
fine="--ckpt $digits --dtype f64 --rtol 1e-8 --atol 1e-8"
npy "$scratch/x.npy" '<f8' '(2, 1, 8, 8)' 1024
npy "$scratch/t.npy" '<f8' '(2,)' 16
quiet() { equals "$(cat "$scratch/stderr")" "" "words of $1"; }
labels_of() { python3 -c '
import struct, sys, zipfile
data = zipfile.ZipFile(sys.argv[1]).read("labels.npy")
data = data[10 + struct.unpack("<H", data[8:10])[0] :]
print(*struct.unpack(f"<{len(data) // 4}i", data), sep=",")' "$1"; }

# shellcheck disable=SC2086
{
  # There and back: the noise that the samples came from, without a word about classes.
  check "a start" "$transit" sample ODE $fine --class-labels 7,3 --sampling-method euler --max-nfe 1 --out "$scratch/start"
  check "forward" "$transit" sample ODE $fine --cfg-scale 1.5 --init "$scratch/start/samples.npz" --out "$scratch/forward"
  warns "'$scratch/start/samples.npz' was drawn with --cfg-scale 1, this run has 1.5"
  check "back" "$transit" sample ODE $fine --reverse --cfg-scale 1.5 --init "$scratch/forward/samples.npz" --out "$scratch/back"
  quiet "the way back"
  close "$scratch/start/samples.npz" "$scratch/back/samples.npz" f8 1e-3
  equals "$(number "$scratch/back/run.json" labels)" data "labels of the way back"

  check "back by other labels" "$transit" sample ODE $fine --reverse --cfg-scale 1.5 --class-labels 0,1 --init "$scratch/forward/samples.npz" --out "$scratch/other"
  quiet "labels that are given"
  differ "$scratch/other/samples.npz" "$scratch/back/samples.npz"
  check "back without guidance" "$transit" sample ODE $fine --reverse --init "$scratch/forward/samples.npz" --out "$scratch/unguided"
  warns "'$scratch/forward/samples.npz' was drawn with --cfg-scale 1.5, this run has 1: another flow"
  check "back within an interval" "$transit" sample ODE $fine --reverse --cfg-scale 1.5 --cfg-interval 0.2,0.8 --init "$scratch/forward/samples.npz" --out "$scratch/interval"
  warns "was drawn with --cfg-interval none, this run has [0.2, 0.8]"

  # What the file does not tell, the record beside it does; a copy without either is taken as it is.
  if command -v python3 >/dev/null 2>&1; then
    mkdir "$scratch/older" "$scratch/copy"
    python3 - "$scratch" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/forward/samples.npz") as old, zipfile.ZipFile(sys.argv[1] + "/older/samples.npz", "w") as new:
    assert "drawn_with.npy" in old.namelist()
    for name in old.namelist():
        if name != "drawn_with.npy":
            new.writestr(name, old.read(name))
END
    cp "$scratch/older/samples.npz" "$scratch/copy/samples.npz"
    cp "$scratch/forward/run.json" "$scratch/older/run.json"
    check "an older file" "$transit" sample ODE $fine --reverse --init "$scratch/older/samples.npz" --out "$scratch/a"
    warns "was drawn with --cfg-scale 1.5"
    check "a file alone" "$transit" sample ODE $fine --reverse --init "$scratch/copy/samples.npz" --out "$scratch/b"
    quiet "a file alone"
    same "$scratch/a/samples.npz" "$scratch/unguided/samples.npz"
    equals "$(labels_of "$scratch/back/samples.npz")" 7,3 "labels of the way back"
  fi

  # The other commands: labels of the file, and a word about guidance, which they do not have.
  quick="--ckpt $digits --out $scratch/q --force"
  check "likelihood" "$transit" likelihood $quick --data "$scratch/forward/samples.npz" --probes 1 --rtol 1e-2
  warns "--data '$scratch/forward/samples.npz' was drawn with --cfg-scale 1.5, this run has 1"
  equals "$(number "$scratch/q/run.json" labels)" data "labels of a likelihood"
  check "loss" "$transit" loss $quick --data "$scratch/forward/samples.npz" --points 2
  warns "--data '$scratch/forward/samples.npz' was drawn with --cfg-scale 1.5, this run has 1"
  equals "$(number "$scratch/q/run.json" labels)" data "labels of losses"
  check "field" "$transit" field $quick --init "$scratch/forward/samples.npz" --times "$scratch/t.npy"
  warns "--init '$scratch/forward/samples.npz' was drawn with --cfg-scale 1.5, this run has 1"
  equals "$(number "$scratch/q/run.json" labels)" data "labels of a field"
  check "guided field" "$transit" field $quick --cfg-scale 1.5 --init "$scratch/forward/samples.npz" --times "$scratch/t.npy" --dtype f64
  quiet "a field with the guidance of the samples"
  cp "$scratch/q/field.npz" "$scratch/field.npz"
  check "field by labels" "$transit" field $quick --cfg-scale 1.5 --init "$scratch/forward/samples.npz" --times "$scratch/t.npy" --dtype f64 --class-labels 7,3
  same "$scratch/q/field.npz" "$scratch/field.npz"

  # Data without labels is of the null class, which is said, and not of every class in turn.
  for command in likelihood loss reverse; do
    case $command in
      likelihood) run="likelihood --data $scratch/x.npy --probes 1 --rtol 1e-1 --logp-tol 1" result=likelihood.npz ;;
      loss) run="loss --data $scratch/x.npy --points 2" result=loss.txt ;;
      *) run="sample ODE --reverse --init $scratch/x.npy --rtol 1e-1" result=samples.npz ;;
    esac
    check "$command without labels" "$transit" $run $quick
    warns "'$scratch/x.npy' has no labels: the null class 10 is taken, --class-labels gives others"
    equals "$(number "$scratch/q/run.json" labels)" "null class" "labels of $command"
    cp "$scratch/q/$result" "$scratch/$result"
    check "$command by the null class" "$transit" $run $quick --class-labels 10
    quiet "$command with a class"
    same "$scratch/$result" "$scratch/q/$result"
    check "$command by another class" "$transit" $run $quick --class-labels 0,1
    differ "$scratch/$result" "$scratch/q/$result"
  done
}
finish
