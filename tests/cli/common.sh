# Shared by the command-line tests: sourced as `. "$(dirname "$0")/common.sh"` with PROGRAM and SCRATCH as arguments.
# A failed check prints what happened and the test goes on; `finish` gives the exit status.
transit=$1
scratch=$2
here=$(cd "$(dirname "$0")" && pwd)
tests=$here # the folder tests/
while [ ! -e "$tests/support/ranks.sh" ]; do tests=${tests%/*}; done
digits=$tests/../experiments/digits/digits-ema.pt
[ -x "$transit" ] || { echo "usage: $0 PROGRAM SCRATCH" >&2; exit 2; }
rm -rf "$scratch"
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
checks=0
failures=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*" >&2
}

# check WHAT COMMAND...: the command succeeds.
check() {
  what=$1
  shift
  checks=$((checks + 1))
  "$@" >"$scratch/stdout" 2>"$scratch/stderr" || {
    fail "$what (status $?): $*"
    cat "$scratch/stderr" >&2
  }
}

# ends STATUS COMMAND...: the command ends with this status.
ends() {
  want=$1
  shift
  checks=$((checks + 1))
  "$@" >"$scratch/stdout" 2>"$scratch/stderr"
  got=$?
  [ "$got" -eq "$want" ] || fail "status $got, expected $want: $*: $(cat "$scratch/stderr")"
}

# refuse STATUS TEXT COMMAND...: the command ends with this status and says one line on stderr that contains TEXT.
refuse() {
  status=$1
  text=$2
  shift 2
  ends "$status" "$@"
  grep -qF -e "$text" "$scratch/stderr" || fail "no '$text' in '$(cat "$scratch/stderr")': $*"
  [ "$(grep -vcE 'warning:|^==[0-9]+==WARNING: AddressSanitizer failed to allocate' "$scratch/stderr")" -eq 1 ] || fail "not one line: $(cat "$scratch/stderr")"
}

# says TEXT: the last command printed it on stdout.
says() {
  checks=$((checks + 1))
  grep -qF -e "$1" "$scratch/stdout" || fail "no '$1' on stdout: $(cat "$scratch/stdout")"
}

# warns TEXT: the last command printed it on stderr.
warns() {
  checks=$((checks + 1))
  grep -qF -e "$1" "$scratch/stderr" || fail "no '$1' on stderr: $(cat "$scratch/stderr")"
}

# absent PATH...: none of these exist (what does is removed, for the checks to come).
absent() {
  for path; do
    checks=$((checks + 1))
    [ ! -e "$path" ] || fail "$path exists: $(ls -A "$path")"
    rm -rf "$path"
  done
}

# present FILE...: each exists and is not empty.
present() {
  for path; do
    checks=$((checks + 1))
    [ -s "$path" ] || fail "$path is missing or empty"
  done
}

# same A B: equal bytes.
same() {
  checks=$((checks + 1))
  cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

# differ A B: different bytes.
differ() {
  checks=$((checks + 1))
  if cmp -s "$1" "$2"; then fail "$1 and $2 are equal"; fi
}

# number FILE KEY: the value of a top-level number or text of a run.json, as printed with two spaces of indentation.
number() {
  sed -n "s/^  \"$2\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p" "$1"
}

# equals GOT WANT WHAT
equals() {
  checks=$((checks + 1))
  [ "$1" = "$2" ] || fail "$3: '$1', expected '$2'"
}

# less A B WHAT: numbers, A < B.
less() {
  checks=$((checks + 1))
  awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 < b + 0) }' || fail "$3: '$1' is not less than '$2'"
}

# near FILE KEY WANT RELATIVE: what `number` gives is a number, and so near to WANT, which is one.
near() {
  checks=$((checks + 1))
  awk -v a="$(number "$1" "$2")" -v b="$3" -v t="$4" \
    'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a ~ /[0-9]/ && b ~ /[0-9]/ && d <= t * (b < 0 ? -b : b)) }' ||
    fail "$2: '$(number "$1" "$2")', expected '$3'"
}

# npy FILE TYPE SHAPE BYTES [FILL]: a .npy of BYTES bytes, all zero or all FILL (an octal escape such as \377: NaN).
npy() {
  header="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
  {
    printf '\223NUMPY\001\000\166\000'
    printf '%-117s\n' "$header"
    head -c "$4" /dev/zero | tr '\000' "${5:-\\000}"
  } >"$1"
}

# values FILE.npz TYPE: the numbers of its first array, a line each; TYPE is f4 or f8.
values() {
  start=$(($(LC_ALL=C grep -abo NUMPY "$1" | head -n 1 | cut -d: -f1) - 1))
  next=$(LC_ALL=C grep -abo "$(printf 'PK[\001\003\007][\002\004\010]')" "$1" | cut -d: -f1 | awk -v s="$start" '$1 > s' | head -n 1)
  low=$(od -An -tu1 -j $((start + 8)) -N 1 "$1")
  high=$(od -An -tu1 -j $((start + 9)) -N 1 "$1")
  data=$((start + 10 + low + 256 * high))
  od -An -v -w8 "-t$2" -j "$data" -N $(((next - data) / 8 * 8)) "$1" | tr -s ' ' '\n' | sed '/^$/d'
}

# close A.npz B.npz TYPE TOLERANCE: their first arrays are finite and agree to TOLERANCE of the largest entry.
close() {
  checks=$((checks + 1))
  values "$1" "$3" >"$scratch/values-a"
  values "$2" "$3" >"$scratch/values-b"
  paste "$scratch/values-a" "$scratch/values-b" | awk -v tolerance="$4" '
    NF != 2 || /[ni]/ { bad = 1 } # nan, inf: no comparison of awk fails by them
    { d = $1 - $2; if (d < 0) d = -d; if (d > worst) worst = d; m = $2 < 0 ? -$2 : $2; if (m > scale) scale = m }
    END { print "relative difference " worst / scale; exit !(NR > 0 && !bad && worst <= tolerance * scale) }
  ' >"$scratch/stdout" || fail "$1 and $2: $(cat "$scratch/stdout"), allowed $4"
}

# unpack ARCHIVE ENTRY NAME...: of a golden, arrays NAME as golden-NAME.npy and ENTRY alone as golden-ENTRY.npz in the
# scratch folder; its labels y, separated by commas, are in $scratch/stdout. Needs python3.
unpack() {
  check "unpack $1" python3 - "$scratch" "$@" <<'END'
import ast, struct, sys, zipfile

folder, archive, entry, *names = sys.argv[1:]
with zipfile.ZipFile(archive) as golden, zipfile.ZipFile(f"{folder}/golden-{entry}.npz", "w") as out:
    for name in names:
        open(f"{folder}/golden-{name}.npy", "wb").write(golden.read(name + ".npy"))
    out.writestr(entry + ".npy", golden.read(entry + ".npy"))
    labels = golden.read("y.npy") if "y.npy" in golden.namelist() else None
if labels:
    head = 10 + struct.unpack("<H", labels[8:10])[0]
    assert ast.literal_eval(labels[10:head].decode())["descr"] == "<i8"
    print(",".join(str(label[0]) for label in struct.iter_unpack("<q", labels[head:])))
END
}

# filled FOLDER: it is there and not empty.
filled() {
  [ -n "$(ls -A "$1" 2>/dev/null)" ]
}

# gone PID: the process has ended.
gone() {
  ! kill -0 "$1" 2>/dev/null
}

# await PID COMMAND...: waits until the command succeeds. It fails when the process, of this shell's, ends before that, or is
# still at it after minutes, which only a hung one is: that one is killed.
await() {
  awaited=$1
  shift
  tries=0
  until "$@"; do
    if gone "$awaited"; then
      "$@" || { fail "it ended before: $*: $(cat "$scratch/stderr")"; return 1; }
      return 0
    fi
    [ $tries -lt 2400 ] || { fail "it hangs: $*"; kill -KILL "$awaited"; return 1; }
    sleep 0.1
    tries=$((tries + 1))
  done
}

# stop PID SIGNAL STATUS: at the signal the process, of this shell's, ends with this status.
stop() {
  kill "-$2" "$1"
  await "$1" gone "$1"
  wait "$1"
  equals $? "$3" "status after $2"
}

# ---- several ranks ----

needs_mpirun() {
  command -v mpirun >/dev/null 2>&1 || {
    echo "skipped: there is no mpirun (Debian: openmpi-bin)"
    exit 77
  }
}

# on N COMMAND...: the command on N ranks.
on() {
  sh "$tests/support/ranks.sh" "$@"
}

# close_losses A B TOLERANCE: losses and norms of the logs of two trainings agree so far, relatively.
close_losses() {
  checks=$((checks + 1))
  python3 - "$1/metrics.jsonl" "$2/metrics.jsonl" "$3" <<'END' || fail "losses of $1 and $2"
import json, sys

a, b = ([json.loads(line) for line in open(path)] for path in sys.argv[1:3])
worst = max(abs(x[k] / y[k] - 1) for x, y in zip(a, b) for k in ("loss", "grad_norm"))
sys.exit(len(a) != len(b) or not a or not worst <= float(sys.argv[3]))
END
}

# once STATUS TEXT COMMAND...: it ends with this status, and the program says one line, with TEXT, whatever mpirun adds.
once() {
  status=$1
  text=$2
  shift 2
  ends "$status" "$@"
  one_line "$text"
}

one_line() {
  said=$(grep '^transit' "$scratch/stderr" | grep -v 'warning:')
  case $said in
  *"
"*) fail "several lines: $said" ;;
  *"$1"*) ;;
  *) fail "no '$1' in '$(cat "$scratch/stderr")'" ;;
  esac
}

# rank_of MPIRUN N: the process of a rank.
rank_of() {
  for process in /proc/[0-9]*; do
    if grep -q "^PPid:.$1\$" "$process/status" 2>/dev/null &&
      tr '\000' '\n' <"$process/environ" 2>/dev/null | grep -q "^OMPI_COMM_WORLD_RANK=$2\$"; then
      echo "${process#/proc/}"
    fi
  done
}

finish() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
