#!/usr/bin/env bash
# Enhances models of the Python library `implicit`, which pip installs into an environment of the example's own, and
# reads the enhanced models in Python.
#   implicit.sh PROGRAM WORK_FOLDER [DATA_FOLDER]     PROGRAM: the compiled npy_factors
# Exit code 77: implicit cannot be had here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$1 folder=$2
shift 2
skip() { echo "skipped: $1" && exit 77; }

venv=$folder/venv
if ! "$venv/bin/python" -c "import implicit, safetensors" 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv" || skip "python has no venv (Debian: python3-venv)"
  "$venv/bin/pip" install --quiet --no-compile --only-binary :all: --retries 1 --timeout 30 "implicit>=0.7,<0.8" "safetensors<1" ||
    skip "pip cannot install implicit and safetensors"
fi
"$program" --write-clicks "$folder" "$@"
OPENBLAS_NUM_THREADS=1 "$venv/bin/python" "$here/fit_implicit.py" "$folder"
"$program" "$folder" "$@"
"$venv/bin/python" "$here/read_enhanced.py" "$folder"
