# Runs a notebook without anybody watching: run.sh NOTEBOOK PROGRAM SCRATCH VENV. Every cell must run, and every cell that shows
# a plot must have made one. Status 77 where setup.sh could not make the environment.
set -eu
notebook=$1 scratch=$3 venv=$4
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$venv/complete" ] || { echo "notebooks: skipped, there is no environment (the test notebooks.setup says why)"; exit 77; }
rm -rf "$scratch"
mkdir -p "$scratch"
for name in IPYTHONDIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR MPLCONFIGDIR; do export "$name=$scratch/$name"; done
export TRANSIT="$2" TRANSIT_NOTEBOOKS_OUT="$scratch/out" PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" "$here/execute.py" "$notebook" "$scratch"
