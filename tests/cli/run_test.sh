# reclm run, whole, on a very small world: what it leaves, that it goes on after kill -9 to the same figures, and what
# it refuses.
source "$(dirname "$0")/lib.sh"

job=(run --world --users 60 --items 100 --epochs 1 --history 4 --max-tokens 24 --attempts 1 --steps 2 --questions 4
  --cf-epochs 2 --tiny-tokens 20000)
ends 0 "${job[@]}" --out whole
says out.txt "Loss" "Yes or No" "Reward model" "Drawn after each stage" "Written for the recommenders" "Popularity" \
  "Content-kNN" "LightGCN Base" "LightGCN + raw text" "LightGCN + untuned" "LightGCN + ppo" "LightGCN + teacher" \
  "(placebo)" "zero-shot" "sparse" "whole/index.html"
for file in index.html report.json report.md report.csv comparisons.csv curves.csv run.json model/config.json \
  tuning/sft/model.safetensors tuning/reward/reward.json tuning/ppo/adapter_config.json profiles/untuned.jsonl \
  profiles/sft.jsonl profiles/collaborative.jsonl profiles/ppo.jsonl; do exists "whole/$file"; done
json_is whole/report.json reclm-report format
json_is whole/report.json "How the model was tuned" chapters 0 title
json_is whole/report.json "Reward of an answer" chapters 0 charts 2 title
json_is whole/report.json "KL to the start, nats an answer" chapters 0 charts 3 title
json_is whole/report.json "Entropy, nats a token" chapters 0 charts 4 title
json_is whole/report.json "Share of clipped tokens" chapters 0 charts 5 title
json_is whole/report.json 2 chapters 0 charts 5 lines 0 y
json_is whole/report.json ppo chapters 1 tables 0 rows 3 row
json_is whole/report.json items chapters 1 tables 1 rows 1 row
says whole/index.html "<!doctype html>" "Does each stage help?" "prefers-color-scheme: dark" "</html>"
if grep -qE '(src|href)="(https?:)?//|<script' whole/index.html; then fail "the page loads something"; fi
says whole/comparisons.csv "the stage before" "ppo (placebo)"
grep -q '"rejected"\|"profile"' whole/profiles/untuned.jsonl || fail "the store of the untuned model is empty"
if [[ -n $(find whole -name '*.tmp.*') ]]; then fail "temporary files stayed: $(find whole -name '*.tmp.*')"; fi

# Nothing is done twice.
cp whole/report.csv first.csv
ends 0 "${job[@]}" --out whole --json
same whole/report.csv first.csv
same out.txt whole/report.json
if grep -qE "train the tiny model|profiles of" err.txt; then fail "finished work was done again"; fi

# figures FOLDER: what a report says, without when and how fast.
figures() {
  cat "$1/report.csv" "$1/comparisons.csv" "$1/curves.csv"
  sed '/"started"/d;/"seconds"/d;/"command"/d' "$1/report.json"
}
# Killed at moments that nobody chose, and then let through.
for pause in 0 1 0 2 1; do
  "$RECLM" "${job[@]}" --out part >/dev/null 2>&1 </dev/null &
  process=$!
  sleep "$pause.$((RANDOM % 10))"
  kill -KILL "$process" 2>/dev/null
  wait "$process" 2>/dev/null
done
ends 0 "${job[@]}" --out part
figures whole >whole.txt
figures part >part.txt
same whole.txt part.txt

# Ctrl-C says how to go on.
"$RECLM" "${job[@]}" --out third >out.txt 2>err.txt </dev/null &
process=$!
until_there third/run.json "$process"
kill -INT "$process"
status=0
wait "$process" || status=$?
[[ $status == 130 ]] || fail "Ctrl-C ended with $status"
says err.txt "Interrupted" "third" "Go on with" "--steps 2"

# Other settings are another run.
ends 2 "${job[@]}" --rank 3 --out whole
says err.txt "--rank" "Remedy"
ends 2 "${job[@]}" --precision bf16 --out whole
says err.txt "--precision" "Remedy"
ends 2 "${job[@]}" --full-sft --out whole
says err.txt "--full-sft" "Remedy"
ends 2 run --world --users 61 --items 100 --out whole
says err.txt "was begun with" "Remedy"
same whole/report.csv first.csv
printf 'no JSON\n' >third/run.json
ends 3 "${job[@]}" --out third
says err.txt "third/run.json"

# Bad input.
ends 2 run --world
says err.txt "--out"
ends 2 run --out nowhere
says err.txt "--data"
ends 0 world --out world --users 60 --items 100 --no-vectors
ends 2 run --data world --out nowhere
says err.txt "no teacher" "--profiles FILE" "reclm profile"
missing nowhere
ends 0 run --data world --profiles world/user_profiles.jsonl --stages sft --out told --epochs 1 --tiny-tokens 20000 --history 4 \
  --max-tokens 80 --attempts 1 --only-profiles --placebo none --users 10 --items 10 --precision bf16
says out.txt "LightGCN + sft"
says told/report.md "| untuned | 10 | 10 |" "| sft | 10 | 10 |"
if grep -q "placebo" told/report.csv; then fail "--placebo none has a placebo"; fi

# Every weight of a given model trained: the stage leaves a model, and the updates of later stages belong to it.
small=(--users 10 --items 10 --history 4 --max-tokens 24 --attempts 1 --cf-epochs 2 --placebo none)
ends 0 run --data world --profiles world/user_profiles.jsonl --model whole/model --full-sft --stages sft,collaborative \
  --epochs 1 "${small[@]}" --shown 3 --alike 2 --out full
says out.txt "LightGCN + sft" "LightGCN + collaborative"
says full/index.html "the same 3 held-out users"
exists full/tuning/sft/model.safetensors
missing full/tuning/sft/adapter_config.json
exists full/tuning/collaborative/adapter_config.json
says full/profiles/sft.jsonl ', tuned"'
says full/profiles/collaborative.jsonl ', tuned"' '"adapter":"collaborative"'
if grep -q ', tuned"' full/profiles/untuned.jsonl; then fail "the untuned model wrote with tuned weights"; fi

# Data with other columns than the world's: all of them are told, or those that are named. A wrong name begins nothing.
mkdir titles
cp world/*.inter titles
cut -f 1,2 world/world.item >titles/world.item
head -n 1 titles/world.item | grep -q title || fail "the world's items have no title in the second column"
few=(run --data titles --profiles world/user_profiles.jsonl --stages sft --epochs 1 --tiny-tokens 20000 "${small[@]}")
ends 2 "${few[@]}" --columns title,kind --out titled
says err.txt '"kind"' "choose from title"
ends 3 "${few[@]}" --encoder none --out titled
says err.txt "none"
missing titled
ends 0 "${few[@]}" --out titled
says out.txt "LightGCN + sft"
ends 0 "${few[@]}" --columns title --out named
same titled/report.csv named/report.csv

# A model that was tuned on other data writes: no stage, no teacher.
job=(run --data world --model whole/model "${small[@]}")
ends 0 "${job[@]}" --tuned whole/tuning --best-of 3 --consensus 3 --out moved
says out.txt "LightGCN + untuned" "LightGCN + sft" "LightGCN + ppo" "LightGCN + consensus of 3" "LightGCN + best of 3" \
  "The tuning in whole/tuning may have"
if grep -q "stage of tuning saw them" out.txt; then fail "nobody knows what a tuning elsewhere saw"; fi
says "moved/profiles/best of 3.jsonl" '"adapter":"ppo, best of 3"'
grep -qE '"(profile|rejected)":' "moved/profiles/consensus of 3.jsonl" || fail "the store of the consensus is empty"
says "moved/profiles/consensus of 3.jsonl" '"adapter":"ppo, consensus of 3"'
json_is moved/report.json Profiles chapters 0 title
missing moved/tuning
if grep -q "teacher" moved/report.csv; then fail "nobody taught, and there is a teacher's row"; fi
ends 2 "${job[@]}" --tuned whole/tuning --consensus 3 --out moved
says err.txt "--best-of" "was begun with"
cp -r whole/tuning shorter && rm -r shorter/ppo
ends 2 "${job[@]}" --tuned shorter --best-of 3 --consensus 3 --out moved
says err.txt "--tuned" "was begun with"
ends 3 "${job[@]}" --tuned world --out nowhere
says err.txt "no updates" "reclm tune"
ends 2 run --data world --tuned whole/tuning --out nowhere
says err.txt "--model"
ends 2 "${job[@]}" --tuned whole/tuning --stages sft --out nowhere
says err.txt "--tuned" "--stages"
missing nowhere

ends 3 run --data world --profiles missing.jsonl --out nowhere
says err.txt "missing.jsonl"
ends 3 run --data world --profiles world/user_profiles.jsonl --model missing.gguf --out nowhere
says err.txt "missing.gguf"
ends 3 "${job[@]}" --tuned full/tuning --best-of 3 --out unjudged
says err.txt "no reward" "the stage reward"
missing unjudged
ends 1 run --world --out world/world.item
says err.txt "cannot make the folder" "Remedy"
ends 3 run --world --reward world --out nowhere
says err.txt "no reward" "Remedy"
ends 2 tune --world --model whole/model --stages sft,dpo --out nowhere
says err.txt "dpo" "Remedy"
silent out.txt
if grep -q LightGCN err.txt; then fail "a model was trained for stages that are not there"; fi
ends 2 run --world --stages sft --best-of 3 --out nowhere
says err.txt "--best-of" "reward" "Remedy"
ends 2 run --world --stages sft,dpo --out nowhere
says err.txt "dpo" "Remedy"
ends 2 run --world --backbones none --out nowhere
says err.txt "none" "Remedy"
ends 2 run --world --precision half --out nowhere
says err.txt "--precision" "stored-bf16"

finish
