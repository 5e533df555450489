# What run.json and the arrays of several batches say, computed once more from the outside (checks/check_batches.py).
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }
check "several batches" python3 "$here/checks/check_batches.py" "$transit" "$digits" "$here/../../experiments/digits/digits.npz" "$scratch"
finish
