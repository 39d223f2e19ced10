# bench/real_tuning.sh from end to end, on a small world and a very small model.
source "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { skip "there is no python3" && finish; }
script=$here/../../bench/real_tuning.sh

ends 0 world --out world --users 60 --items 100 --no-vectors
ends 0 run --data world --profiles world/user_profiles.jsonl --stages sft --epochs 1 --tiny-tokens 20000 --users 2 \
  --items 2 --history 4 --max-tokens 8 --attempts 1 --placebo none --out small
export MODEL=small/model ENCODER=built-in USERS=10 ITEMS=6 SEEDS=1 FEW=30
job=("$script" "$RECLM" out world/user_profiles.jsonl world/item_profiles.jsonl world title world title,category)
"${job[@]}" >out.txt 2>err.txt </dev/null || fail "the script ended with $?: $(tail -n 5 err.txt)"
says out.txt " users, 6 items, 6 of them by the teacher" "users: 60 of 60 have profiles" "Drawn about items" "LightGCN + sft (placebo)" \
  "LightGCN + teacher" "== all five stages"
says err.txt "s of processors"
for file in own/report.json other/report.json tuned/report.json few/sft/adapter_config.json few/ppo/adapter_config.json \
  few/reward/reward.json; do
  exists "out/$file"
done
json_is out/other/report.json Profiles chapters 0 title
# Of everybody and everything that is ranked there is a line, and of nobody else.
for source in untuned sft; do
  [[ $(grep -o '"user_id":"[^"]*"' out/own/profiles/$source.jsonl | sort -u | wc -l) == 10 ]] || fail "not 10 users"
  [[ $(grep -o '"item_id":"[^"]*"' out/own/profiles/$source.jsonl | sort -u | wc -l) == 12 ]] || fail "not 12 items"
done
cut -f 1 out/own.data/*.test.inter out/own.data/*.zero.inter | grep -v user_id | sort -u >ranked.txt
grep -o '"user_id":"[^"]*"' out/own/profiles/sft.jsonl | cut -d '"' -f 4 | sort -u >written.txt
[[ -z $(comm -23 ranked.txt written.txt) ]] || fail "somebody who is ranked for has no profile"

# The same command again does nothing twice.
cp out/own/report.csv first.csv
cp out/own/profiles/sft.jsonl first.jsonl
"${job[@]}" >out.txt 2>err.txt </dev/null || fail "the second run ended with $?"
same out/own/report.csv first.csv
same out/own/profiles/sft.jsonl first.jsonl
status=0
"$script" "$RECLM" out >out.txt 2>err.txt || status=$?
[[ $status == 2 ]] || fail "a call without data ended with $status"
says err.txt "real_tuning.sh RECLM OUT"

finish
