# Help teaches, and wrong usage ends with 2 and says what to do.
source "$(dirname "$0")/lib.sh"

ends 0 --help
says out.txt bench train enhance recommend inspect split world "Exit codes" "130" "NO_COLOR"
silent err.txt
ends 0 --version
says out.txt "reclm "
for command in bench train enhance recommend inspect split world; do
  ends 0 "$command" --help
  says out.txt "Usage: reclm $command" "Examples:" "--json" "--threads"
  [[ $(grep -c "^  reclm " out.txt) -ge 2 ]] || fail "$command --help has less than two examples"
done

ends 2
says err.txt "subcommand" "--help"
ends 2 fly
ends 2 bench --word
says err.txt "--word" "reclm bench --help"
ends 2 bench
says err.txt "--data DIR" "--world"
ends 2 bench --world --data here
ends 2 bench --world --backbones lightgcn,foo
says err.txt '"foo"' "SimGCL"
ends 2 bench --world --adapters base,foo
says err.txt '"foo"' "placebo"
ends 2 bench --world --adapters base,placebo
says err.txt "add reclm"
ends 2 bench --world --adapters reclm,placebo --no-placebo
ends 2 bench --world --adapters base,base
ends 2 bench --world --settings full,foo
says err.txt "generalised-zero-shot"
ends 2 bench --world --settings full,full-shot
ends 2 bench --world --metrics fame
says err.txt "hit_rate"
for cutoffs in 0 -1 x 20,x 20,,40 99999999999999999999; do ends 2 bench --world "--k=$cutoffs"; done
ends 2 bench --world --epochs 0
ends 2 bench --world --selection guess
ends 2 bench --world --resume
says err.txt "--report"
ends 2 train --world --out model.bin
says err.txt ".safetensors"
ends 2 train --world --out none/model.safetensors
says err.txt "no folder"
ends 2 train --world --out a.safetensors --checkpoint ./a.safetensors
ends 2 train --world --backbone foo --out model.safetensors
missing model.safetensors
ends 2 train --world --seed -1 --out model.safetensors
says err.txt "--seed" "0 or more"
ends 2 bench --world --first-seed -1
ends 2 bench --world --world-seed -1
ends 2 world --out new --seed -1
ends 0 train --help
says out.txt rlmrec-con rlmrec-gen alpharec kar
ends 2 recommend --model model.safetensors
says err.txt "--all-users"
ends 2 world --out new --users 0
missing new

finish
