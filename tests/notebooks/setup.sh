# Makes the environment that notebooks run in, once for a build folder: setup.sh VENV. Status 77, with a word, where it cannot
# be made.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)

skip() {
  echo "notebooks: skipped, $*"
  exit 77
}

[ ! -e "$venv/complete" ] || cmp -s "$venv/complete" "$here/requirements.txt" || rm "$venv/complete"
[ ! -e "$venv/complete" ] || exit 0
rm -rf "$venv"
python3 -m venv "$venv" >"$venv.log" 2>&1 || skip "python3 cannot make an environment (Debian: python3-venv): $(tail -n 1 "$venv.log")"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 -r "$here/requirements.txt" \
  >"$venv.log" 2>&1 || skip "what they need cannot be installed: $(tail -n 1 "$venv.log")"
cp "$here/requirements.txt" "$venv/complete"
