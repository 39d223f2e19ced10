# Progress: a bar with colours on a terminal, plain lines elsewhere.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 200 --items 250
job=(train --data world --epochs 30 --batch-size 64 --out model.safetensors)
escape=$'\x1b['
ends 0 "${job[@]}"
says err.txt "train LightGCN + RecLM: " "loss" "validation"
if grep -qF "$escape" err.txt out.txt; then fail "escapes in a file"; fi
[[ $(wc -l <err.txt) -lt 10 ]] || fail "too many lines: $(wc -l <err.txt)"

if ! script -qec true /dev/null >/dev/null 2>&1; then
  echo "there is no script(1); terminals are not tested" >&2
  finish
fi
on_terminal() { script -qec "$* $(printf '%q ' "$RECLM" "${job[@]}")" /dev/null </dev/null >terminal.txt; }
on_terminal TERM=xterm || fail "failed on a terminal"
says terminal.txt "█" "░" "loss" "left" "${escape}36m"
on_terminal TERM=xterm NO_COLOR=1
says terminal.txt "█"
if grep -qF "${escape}36m" terminal.txt; then fail "NO_COLOR has colours"; fi
on_terminal "stty cols 30;"
if tr '\r' '\n' <terminal.txt | grep "%" | grep -qE '.{60}'; then fail "the bar is wider than the terminal"; fi

finish
