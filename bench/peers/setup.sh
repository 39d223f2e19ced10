#!/usr/bin/env bash
# Makes the Python environment of the peers: setup.sh [VENV]
# PyTorch's own index holds a far smaller CPU build; where it can be reached:
#   TORCH_INDEX=https://download.pytorch.org/whl/cpu bench/peers/setup.sh
set -euo pipefail

venv=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/reclm/peers-venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
pip=("$venv/bin/python" -m pip --disable-pip-version-check install --quiet)

"${pip[@]}" torch ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
"${pip[@]}" numpy scipy safetensors psutil faiss-cpu

"$venv/bin/python" - <<'PY'
import faiss, numpy, scipy, torch
print("torch", torch.__version__, "| numpy", numpy.__version__, "| scipy", scipy.__version__, "| faiss", faiss.__version__)
PY
echo "$venv"
