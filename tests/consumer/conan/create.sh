#!/usr/bin/env bash
# `conan create` with its test package, Conan being installed into an environment of its own; Debian's packages stand for
# the requirements. Without a network, or Debian, that is not possible: exit code 77.
#   create.sh SOURCE BUILD_FOLDER PYTHON CXX
set -euo pipefail
source=$1 folder=$2 python=$3
export CXX=$4 CONAN_HOME=$folder/home PIP_DISABLE_PIP_VERSION_CHECK=1
skip() { echo "skipped: $1" && exit 77; }

[[ -d /usr/include/eigen3 && -f /etc/debian_version ]] || skip "the profile is written for Debian 12's packages"
if [[ ! -x $folder/venv/bin/conan ]]; then
  rm -rf "$folder/venv"
  "$python" -m venv "$folder/venv" || skip "python has no venv (Debian: python3-venv)"
  "$folder/venv/bin/pip" install --quiet --no-compile --retries 1 --timeout 20 "conan>=2.10,<3" || skip "pip cannot install conan"
fi
conan() { "$folder/venv/bin/conan" "$@"; }
conan profile detect --force >/dev/null
conan create "$source" --profile "$source/tests/consumer/conan/debian12.profile" \
  --test-folder "$source/tests/consumer/conan" -c "tools.cmake.cmake_layout:test_folder=$folder/test" --build "reclm/*" --no-remote -o "reclm/*:with_http=True"
