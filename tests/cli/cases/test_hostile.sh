# What comes from files is shown without a control character, whatever the reader.
. "$(dirname "$0")/../common.sh"
command -v python3 >/dev/null 2>&1 || exit 77
digits=$here/../../../experiments/digits/digits-ema.pt

check "hostile names and contents" env PYTHONDONTWRITEBYTECODE=1 python3 "$here/check_hostile.py" "$transit" "$scratch" "$digits"
[ "$failures" -eq 0 ] || cat "$scratch/stdout"
finish
