# reclm finetune: help, wrong usage, and bad input, which ends with 3 and names file and line. (Tuning itself is tested
# in tests/lm.)
source "$(dirname "$0")/lib.sh"

run --help
grep -q finetune out.txt || { skip "the command was built without language models" && finish; }
ends 0 finetune --help
says out.txt "Usage: reclm finetune" "Examples:" "--resume" "PEFT"
ends 2 finetune --model m.gguf
says err.txt "--data"
ends 2 finetune --model m.gguf --data chats.jsonl --out tuned --full --merge
says err.txt "--full" "Remedy"
ends 2 finetune --model m.gguf --data chats.jsonl --out tuned --weights q4
touch a_file tuned.checkpoint.safetensors
ends 2 finetune --model m.gguf --data chats.jsonl --out a_file
ends 2 finetune --model m.gguf --data chats.jsonl --out tuned
says err.txt "--resume"
rm tuned.checkpoint.safetensors

ends 3 finetune --model m.gguf --data missing.jsonl --out tuned
says err.txt "missing.jsonl"
echo '{"prompt": "a", "completion": "b"}' > chats.jsonl
ends 3 finetune --model m.gguf --data chats.jsonl --out tuned
says err.txt "m.gguf"
echo '{"messages": [{"role": "user", "content": "a"}]}' >> chats.jsonl
ends 3 finetune --model m.gguf --data chats.jsonl --out tuned
says err.txt "chats.jsonl:2: " "Remedy"
[[ ! -e tuned ]] || fail "a failed call left a folder behind"
finish
