# Ctrl-C saves and says how to go on; what goes on, also after kill -9, ends with the same bits.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 300 --items 300
job=(train --data world --epochs 80 --batch-size 256 --patience 0)
ends 0 "${job[@]}" --out whole.safetensors

# start ARGUMENTS...: the command in the background as $process.
start() {
  "$RECLM" "$@" >out.txt 2>err.txt </dev/null &
  process=$!
}
# ended CODE: waits for it.
ended() {
  status=0
  wait "$process" 2>/dev/null || status=$?
  [[ $status == "$1" ]] || { fail "the process ended with $status, not $1" && cat err.txt >&2; }
}

for signal in INT TERM; do
  start "${job[@]}" --out part.safetensors
  until_there part.checkpoint.safetensors "$process"
  kill -$signal "$process"
  ended 130
  says err.txt "Interrupted after step" "part.checkpoint.safetensors" "--resume"
  missing part.safetensors
  ends 2 "${job[@]}" --out part.safetensors
  says err.txt "--resume"
  ends 0 "${job[@]}" --out part.safetensors --resume
  same part.safetensors whole.safetensors
  missing part.checkpoint.safetensors
  rm -f part.safetensors
done

start "${job[@]}" --out part.safetensors
until_there part.checkpoint.safetensors "$process"
sleep 0.1
kill -KILL "$process"
ended 137
ends 0 "${job[@]}" --out part.safetensors --resume
same part.safetensors whole.safetensors
[[ -z $(ls | grep -F .tmp.) ]] || fail "a killed process's files stayed: $(ls)"

# Two signals at once: no time to save.
start "${job[@]}" --out twice.safetensors
until_there twice.checkpoint.safetensors "$process"
kill -STOP "$process"
kill -INT "$process"
kill -TERM "$process"
kill -CONT "$process"
ended 130
if grep -q "Interrupted" err.txt; then fail "the second signal did not end it at once"; fi

# A study: the line that it prints goes on with it.
study=(bench --data world --epochs 80 --batch-size 256 --patience 0 --settings full)
ends 0 "${study[@]}" --report whole
start "${study[@]}" --report part
until_there part/runs "$process"
sleep 1
kill -INT "$process"
ended 130
says err.txt "part/runs" "--report part --resume"
missing part/index.html
bash -c "$(tail -n 1 err.txt)" >out.txt 2>err.txt || fail "the printed line failed: $(cat err.txt)"
same whole/results.csv part/results.csv

finish
