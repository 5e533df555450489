# kill -9 at twenty random moments for 1, 2 and 3 ranks: the same command goes on to the same bytes (check_kills.py).
. "$(dirname "$0")/../common.sh"
command -v python3 >/dev/null 2>&1 || { echo "1 check, python3 is missing"; exit 0; }
ranks="1 2 3"
command -v mpirun >/dev/null 2>&1 || ranks=1
# shellcheck disable=SC2086
check "kills" python3 "$here/check_kills.py" "$transit" "$digits" "$tests/support/ranks.sh" "$scratch" 20261130 $ranks
cat "$scratch/stdout"
finish
