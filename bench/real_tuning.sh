#!/usr/bin/env bash
# Real weights on real data: SmolLM2-135M-Instruct learns a teacher's profiles by LoRA, writes those of a few hundred
# users and items before and after, and LightGCN is trained with each source. Public commands alone.
#   bench/real_tuning.sh RECLM OUT USER_ANSWERS ITEM_ANSWERS DATA COLUMNS [OTHER_DATA OTHER_COLUMNS]
# The answers hold lines {"user_id": …, "profile": …} and {"item_id": …, "profile": …} about DATA; for OTHER_DATA the
# model tuned on DATA writes (transfer). COLUMNS are the items' texts that prompts tell, as in category,title.
# Interrupted or killed, the same command goes on; each part says its seconds and those of the processors.
#   USERS=300 ITEMS=150  who gets profiles: users, and items of either split (profiled_part.py)
#   LEARN=0              most profiles of users, and of items, that tuning learns from; 0: all
#   EPOCHS=1 SEEDS=3     of tuning; of the recommenders
#   FEW=40               users whose profiles all five stages are tried on; 0: they are left out
#   MODEL, ENCODER       others than SmolLM2 and MiniLM; ENCODER=built-in
set -euo pipefail
if (($# != 6 && $# != 8)); then
  sed -n '2,13p' "$0" >&2
  exit 2
fi
reclm=$1 out=$2 user_answers=$3 item_answers=$4 data=$5 columns=$6
users=${USERS:-300} items=${ITEMS:-150} few=${FEW:-40}
learned=${LEARN:-0}
here=$(dirname "$0")
TIMEFORMAT='%R s, %U s of processors'
mkdir -p "$out"
model=${MODEL:-} encoder=${ENCODER:-}
if [[ -z $model || -z $encoder ]]; then
  fetched=$("$here/../examples/fetch_models.sh")
  model=${model:-$(head -n 1 <<<"$fetched")} encoder=${encoder:-$(dirname "$(tail -n 1 <<<"$fetched")")}
fi
encode=(--encoder "$encoder")
if [[ $encoder == built-in ]]; then encode=(); fi
ask=(--model "$model" --history 10 --budget 384 --max-tokens 96 --precision stored-bf16)
learn=(--lr 4e-4 --batch-tokens 1024)

# taught MOST: the teacher's profiles of the first MOST users and items.
taught() {
  grep -m "$1" '"user_id".*"profile"' "$out/teacher.jsonl"
  grep -m "$1" '"item_id".*"profile"' "$out/teacher.jsonl"
}

# recommend NAME COLUMNS ARGUMENT...: profiles before and after tuning, and the table, of the data in OUT/NAME.data.
recommend() {
  local name=$1 columns=$2
  shift 2
  echo "== $name: profiles and recommendations"
  time "$reclm" run --data "$out/$name.data" "${ask[@]}" --columns "$columns" --tuned "$out/tuned" --users "$users" \
    --items $((2 * items)) --attempts 2 "${encode[@]}" --seeds "${SEEDS:-3}" --out "$out/$name" "$@"
}

echo "== data and teacher"
cat "$user_answers" "$item_answers" >"$out/answers.jsonl"
"$here/profiled_part.py" "$data" "$out/own.data" --users "$users" --items "$items" --answers "$out/answers.jsonl"
"$reclm" profile --data "$out/own.data" --answers "$out/answers.jsonl" --out "$out/teacher.jsonl"
taught "$((learned > 0 ? learned : 1000000))" >"$out/learned.jsonl"
echo "== tuning: users (sft), items"
time "$reclm" tune --data "$out/own.data" "${ask[@]}" --columns "$columns" --profiles "$out/learned.jsonl" \
  --stages sft,items --epochs "${EPOCHS:-1}" "${learn[@]}" --shown 100 --out "$out/tuned"
recommend own "$columns" --profiles "$out/teacher.jsonl"
if (($# == 8)); then
  "$here/profiled_part.py" "$7" "$out/other.data" --users "$users" --items "$items"
  recommend other "$8"
fi
if ((few > 0)); then
  echo "== all five stages, on $few users"
  taught "$few" >"$out/few.jsonl"
  time "$reclm" tune --data "$out/own.data" "${ask[@]}" --columns "$columns" --profiles "$out/few.jsonl" \
    --epochs 1 "${learn[@]}" --steps 4 --questions 8 --shown 8 --out "$out/few"
fi
