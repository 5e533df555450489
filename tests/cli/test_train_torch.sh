# transit train and PyTorch take each other's checkpoints; left out where there is no torch (python3, or tests/.venv).
. "$(dirname "$0")/common.sh"

for python in "$here/../.venv/bin/python" python3; do
  "$python" -c "import torch, numpy" 2>/dev/null && break
  python=
done
if [ -z "$python" ]; then
  echo "left out: neither tests/.venv nor python3 has torch (python3 tests/compare_torchdiffeq.py --setup makes the first)"
  exit 77
fi
check "PyTorch goes on, and transit behind it" "$python" "$here/checks/check_train.py" "$transit" "$scratch" "$here/../data/goldens"
cat "$scratch/stdout"

finish
