#!/usr/bin/env bash
# Every test there is: installs what tests need, builds with GCC and, under the sanitizers, with Clang, warnings being
# errors, and ends with one summary by ctest. CUDA programs are compiled where there is nvcc, and run where there is a
# GPU.
#   tests/run.sh [--quick] [options of ctest]
# --quick: the rooms' unit tests by GCC alone. An example of ctest's options: -R tensor
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=false
if [[ ${1:-} == --quick ]]; then
  quick=true
  shift
fi

say() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }
log_folder=build/log
mkdir -p "$log_folder"

if [[ -z ${RECLM_SKIP_PACKAGES:-} ]]; then
  say "Packages"
  examples/install_packages.sh g++ cmake ninja-build libeigen3-dev libxtensor-dev libtbb-dev nlohmann-json3-dev \
    libcli11-dev catch2 pkg-config libpcre2-dev libutf8proc-dev libcpp-httplib-dev libssl-dev
  $quick || examples/install_packages.sh --optional libbenchmark-dev clang-16 libclang-rt-16-dev python3-venv \
    libfaiss-dev libblas-dev liblapack-dev libhnswlib-dev libdnnl-dev ocl-icd-opencl-dev
  $quick || examples/fetch_models.sh --optional || true
fi

# configure NAME OPTIONS...: a build folder build/NAME from the preset NAME; the log shows only when that fails.
configure() {
  local name=$1
  shift
  cmake --preset "$name" "$@" >"$log_folder/$name.log" 2>&1 ||
    { cat "$log_folder/$name.log" && echo "Configuring $name failed" && exit 1; }
}

# build NAME: all of it. What does not compile is shown, and ctest then counts its tests as failed.
failed=()
build() { nice cmake --build --preset "$1" -j "$(nproc)" -- -k 0 || failed+=("$1"); }

if $quick; then
  say "Building with GCC"
  configure dev -DRECLM_BUILD_BENCHMARKS=OFF -DRECLM_BUILD_EXAMPLES=OFF -DRECLM_WITH_CUDA=OFF
  build dev
  say "Testing"
  ctest --preset dev -L unit -j "$(nproc)" "$@"
  exit $((${#failed[@]} > 0))
fi

benchmarks=ON
onednn=ON
dpkg-query -W libbenchmark-dev >/dev/null 2>&1 || benchmarks=OFF
# Debian's oneDNN asks for OpenCL when CMake looks for it, and only recommends the package.
dpkg-query -W libdnnl-dev ocl-icd-opencl-dev >/dev/null 2>&1 || onednn=OFF
# All of a program's tests at once take a compiler 3 GB, and four compilers may run.
batch=1000
(($(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo) > 12000)) || batch=16
configure ci-gcc -DRECLM_UNITY_BATCH=$batch -DRECLM_BUILD_BENCHMARKS=$benchmarks -DRECLM_WITH_ONEDNN=$onednn
if command -v clang++-16 >/dev/null; then
  configure ci-clang -DRECLM_UNITY_BATCH=$batch
else
  say "There is no clang++-16; GCC builds under the sanitizers too"
  configure ci-clang -DRECLM_UNITY_BATCH=$batch -DCMAKE_CXX_COMPILER=g++
fi
builds=(ci-gcc ci-clang)

# Both at once: no core waits for the last file of a build.
say "Building with GCC, and with Clang under the address and undefined-behaviour sanitizers"
nice cmake --build --preset ci-clang -j "$(nproc)" -- -k 0 >"$log_folder/build-ci-clang.log" 2>&1 &
sanitized=$!
build ci-gcc
say "Finishing the build under the sanitizers"
wait "$sanitized" || { cat "$log_folder/build-ci-clang.log" && failed+=(ci-clang); }

# One summary: a test folder that holds the builds' test folders.
mkdir -p build/all
printf 'subdirs("%s")\n' "${builds[@]/#/$PWD/build/}" >build/all/CTestTestfile.cmake
say "Testing"
status=0
ctest --test-dir build/all -j "$(nproc)" --output-on-failure --no-tests=error "$@" || status=$?
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "Not everything compiled: ${failed[*]}. The messages are above."
  status=1
fi
exit "$status"
