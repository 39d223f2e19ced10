# Profiles from the world's oracle, from files, and from a server that is not there.
source "$(dirname "$0")/lib.sh"

ends 0 profile --world --users 30 --items 20 --out profiles.jsonl --vectors vectors
says out.txt "users: 30 of 30 have profiles" "items: 20 of 20" "e.g. User identity: "
[[ $(wc -l <profiles.jsonl) == 50 ]] || fail "the store has not 50 lines"
says profiles.jsonl '"model":"oracle of world 1"' '"hash":"'
for file in item_profile.npy item_profile.ids user_profile.npy user_profile.ids; do exists "vectors/$file"; done

# Nothing is asked twice, and a torn line is written again.
cp profiles.jsonl whole.jsonl
ends 0 profile --world --users 30 --items 20 --out profiles.jsonl --json
json_is out.txt 30 users kept
json_is out.txt 0 users written
same profiles.jsonl whole.jsonl
head -c -20 whole.jsonl >profiles.jsonl
ends 0 profile --world --users 30 --items 20 --out profiles.jsonl --json
json_is out.txt 1 items written
same profiles.jsonl whole.jsonl

# Answers from a file, and what is wrong with one.
ends 0 world --out world --users 60 --items 100 --no-vectors
ends 0 profile --data world --answers world/user_profiles.jsonl --about users --out imported.jsonl --json
json_is out.txt 60 users written
printf '{"user_id": "u1", "profile": "I cannot say"}\n' >bad.jsonl
ends 0 profile --data world --answers bad.jsonl --about users --attempts 2 --out bad_store.jsonl --json
json_is out.txt 1 users failed
json_is out.txt 59 users unanswered
says bad_store.jsonl '"rejected":"I cannot say"' '"attempt":2'
printf 'no JSON\n' >bad.jsonl
ends 3 profile --data world --answers bad.jsonl --out x.jsonl
says err.txt "bad.jsonl:1" "Remedy"
ends 3 profile --data world --answers bad_store.jsonl --templates missing.json --out x.jsonl
says err.txt "missing.json"
ends 3 profile --world --out bad.jsonl
says err.txt "bad.jsonl:1"
[[ $(cat bad.jsonl) == "no JSON" ]] || fail "a file that is no store was changed"

# What asks repeatedly needs answers that can differ; a default can be named; a seed is a number from 0 on.
ends 2 profile --data world --answers world/user_profiles.jsonl --consensus 3 --out z.jsonl
says err.txt "--consensus" "Remedy"
ends 2 profile --data world --model none.gguf --temperature 0 --consensus 3 --out z.jsonl
says err.txt "--consensus" "Remedy"
ends 2 profile --world --consensus 3 --out z.jsonl
says err.txt "--consensus" "Remedy"
ends 3 profile --data world --model none.gguf --precision auto --out z.jsonl
says err.txt "none.gguf"
ends 0 profile --help
says out.txt "KIND=auto"
ends 2 profile --world --seed -1 --out z.jsonl
says err.txt "--seed" "0 or more"
missing z.jsonl

# Nobody to ask; a server that is not there; a wrong URL.
ends 2 profile --data world --out x.jsonl
says err.txt "--endpoint" "--answers"
if "$RECLM" profile --help | grep -q -- --endpoint && [[ $(OPENAI_API_KEY='' "$RECLM" profile --data world --endpoint http://127.0.0.1:1/v1 --out y.jsonl 2>&1) != *"built without"* ]]; then
  ends 1 profile --data world --endpoint http://127.0.0.1:1/v1 --model m --retries 0 --out y.jsonl
  says err.txt "no connection came about" "Remedy" "Go on with:" "y.jsonl"
  ends 2 profile --data world --endpoint 127.0.0.1:1 --out y.jsonl
  says err.txt "Remedy: write http"
fi

finish
