#!/usr/bin/env bash
# From a fresh Debian 12 to a finished report: installs what is missing, builds the `reclm` command, runs the main job.
set -euo pipefail

usage() {
  cat <<'END'
Usage: examples/quickstart.sh [options] [options of `reclm run` or `reclm bench`]

Installs the missing Debian packages (apt, as root or through sudo), builds the reclm command, and runs `reclm run` on
the embedded world: a tiny language model is trained from nothing, tuned by RecLM's stages, writes profiles after each
of them, and recommenders show what they are worth. The figures appear on the terminal and on one page,
report/index.html. What was interrupted goes on when called again.

  --data DIR        a folder of RecBole atomic files instead of the embedded world: with --model (and --profiles), all
                    of the above on it; without, `reclm bench`: LightGCN alone, with the folder's profiles, and with
                    shuffled ones (placebo), beside popularity, random and content-kNN
  --model PATH      a GGUF file or a Hugging Face folder instead of the tiny model
  --build-dir DIR   where to build (build/quickstart)
  --help            this text

Everything else goes to the command: --seeds 5, --backbones all, --out DIR (run), --report DIR (bench) …
(`reclm run --help` and `reclm bench --help` tell). RECLM_SKIP_PACKAGES=1 leaves the packages to you; CXX chooses the
compiler.
END
}

fail() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/quickstart
input=(--world)
passed=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --data | --build-dir)
      [[ $# -ge 2 ]] || fail "$1 needs a folder"
      if [[ $1 == --data ]]; then input=(--data "$2"); else build=$2; fi
      shift 2 ;;
    --data=*) input=(--data "${1#*=}") && shift ;;
    --build-dir=*) build=${1#*=} && shift ;;
    *) passed+=("$1") && shift ;;
  esac
done
if [[ ${input[0]} == --data && ! -d ${input[1]} ]]; then fail "${input[1]} is no folder"; fi

# given NAME: whether the caller chose this option of the command.
given() {
  local option
  for option in ${passed[@]+"${passed[@]}"}; do
    if [[ $option == "$1" || $option == "$1="* ]]; then return 0; fi
  done
  return 1
}
if [[ ${input[0]} == --world ]] || given --model; then
  job=(run "${input[@]}")
  given --out || job+=(--out "$root/report")
else
  job=(bench "${input[@]}")
  given --report || job+=(--report "$root/report")
  given --seeds || job+=(--seeds 3)
fi

echo "1/3 Packages"
if [[ -z ${RECLM_SKIP_PACKAGES:-} ]]; then
  "$root/examples/install_packages.sh" g++ cmake ninja-build libeigen3-dev libxtensor-dev libtbb-dev \
    nlohmann-json3-dev libcli11-dev pkg-config libpcre2-dev libutf8proc-dev || fail "the packages are not complete, see above"
fi

echo "2/3 Building the reclm command in $build"
mkdir -p "$build"
log=$build/quickstart.log
# -O3 takes a fifth longer to compile, and the whole then half a minute more.
cmake -S "$root" --preset release -B "$build" -DRECLM_UNITY=ON -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" >"$log" 2>&1 ||
  { tail -n 30 "$log" >&2 && fail "configuring failed; all of it is in $log"; }
cmake --build "$build" --target examples/cli/reclm || fail "the build failed; the compiler's messages are above"

echo "3/3 Running: reclm ${job[*]} ${passed[*]-}"
exec "$build/examples/cli/reclm" "${job[@]}" ${passed[@]+"${passed[@]}"}
