# For the tests of the reclm command: sourced by each of them, with the command in $RECLM and CMake in $CMAKE.
set -uo pipefail

: "${RECLM:?set RECLM to the command}"
CMAKE=${CMAKE:-cmake}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run ARGUMENTS...: runs the command; $status, out.txt and err.txt tell what it did.
run() {
  status=0
  "$RECLM" "$@" >out.txt 2>err.txt </dev/null || status=$?
}

# ends CODE ARGUMENTS...: the command must end with CODE.
ends() {
  local expected=$1
  shift
  run "$@"
  [[ $status == "$expected" ]] || { fail "reclm $* ended with $status, not $expected" && tail -n 20 out.txt err.txt >&2; }
}

# says FILE TEXT...: FILE must hold each text.
says() {
  local file=$1 text
  shift
  for text in "$@"; do
    grep -qF -- "$text" "$file" || { fail "$file does not say \"$text\":" && head -n 40 "$file" >&2; }
  done
}

silent() { [[ ! -s $1 ]] || { fail "$1 is not empty:" && head "$1" >&2; }; }
exists() { [[ -e $1 ]] || fail "$1 is missing"; }
missing() { [[ ! -e $1 ]] || fail "$1 is there"; }
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

# json FILE KEY...: prints a value of the JSON in FILE, or the length of an array or object; fails on bad JSON.
json() {
  local file=$1
  shift
  "$CMAKE" "-DFILE=$file" "-DKEYS=$(IFS=';' && echo "$*")" -P "$here/json_value.cmake" 2>&1
}

# json_is FILE EXPECTED KEY...
json_is() {
  local file=$1 expected=$2 value
  shift 2
  value=$(json "$file" "$@") || { fail "$file: $value" && return; }
  [[ $value == "$expected" ]] || fail "$file: $* is $value, not $expected"
}

# until_there FILE PID: waits for FILE, which the process PID makes.
until_there() {
  while kill -0 "$2" 2>/dev/null; do
    if [[ -e $1 ]]; then return; fi
    sleep 0.02
  done
  fail "$1 did not appear before the command ended"
}

# skip WHY: what follows cannot be tested here; `finish` then ends with 77, by which ctest says so.
skipped=
skip() {
  echo "skipped: $1" >&2
  skipped=yes
}

finish() {
  if [[ $failures == 0 && $skipped ]]; then exit 77; fi
  if [[ $failures == 0 ]]; then exit 0; fi
  echo "$failures checks failed" >&2
  exit 1
}
