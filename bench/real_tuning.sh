#!/usr/bin/env bash
# Real weights on real data: SmolLM2-135M-Instruct learns a teacher's profiles by LoRA, writes those of a few hundred
# users and items before and after, and LightGCN is trained with each source. Public commands alone.
#   bench/real_tuning.sh RECLM OUT USER_ANSWERS ITEM_ANSWERS DATA COLUMNS [OTHER_DATA OTHER_COLUMNS]
# The answers hold lines {"user_id": …, "profile": …} and {"item_id": …, "profile": …} about DATA; for OTHER_DATA the
# model tuned on DATA writes (transfer). COLUMNS are the items' texts that prompts tell, as in category,title.
# Interrupted or killed, the same command goes on, and does nothing twice; each part says its seconds and those of the
# processors.
#   USERS=300 ITEMS=150  who gets profiles: users, and items of either split (profiled_part.py)
#   LEARN=all LEARN_ITEMS=all  profiles of users, and of items, that tuning takes: so many, or all
#   LEAST=1              clicks in train of the users that recommenders learn from
#   EPOCHS=1 SEEDS=3     of tuning; of the recommenders
#   SHOWN=100            held-out users, and items, profiled before and after
#   FEW=40               users whose profiles all five stages are tried on; 0: they are left out
#   MODEL, ENCODER       others than SmolLM2 and MiniLM; ENCODER=built-in
set -euo pipefail
if (($# != 6 && $# != 8)); then
  sed -n '2,16p' "$0" >&2
  exit 2
fi
reclm=$1 out=$2 user_answers=$3 item_answers=$4 data=$5 columns=$6
users=${USERS:-300} items=${ITEMS:-150} few=${FEW:-40}
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

# taught USERS ITEMS: the teacher's profiles of the first so many users and items, or of all.
taught() {
  grep -m "${1/all/-1}" '"user_id".*"profile"' "$out/teacher.jsonl"
  grep -m "${2/all/-1}" '"item_id".*"profile"' "$out/teacher.jsonl"
}

# once FOLDER COMMAND...: runs it into FOLDER, unless its report is there.
once() {
  local folder=$1
  shift
  [[ -e $folder/report.json ]] || time "$@" --out "$folder"
}

# recommend NAME COLUMNS ARGUMENT...: profiles before and after tuning, and the table, of the data in OUT/NAME.data.
recommend() {
  local name=$1 columns=$2
  shift 2
  echo "== $name: profiles and recommendations"
  once "$out/$name" "$reclm" run --data "$out/$name.data" "${ask[@]}" --columns "$columns" --tuned "$out/tuned" \
    --users "$users" --items $((2 * items)) --attempts 2 "${encode[@]}" --seeds "${SEEDS:-3}" "$@"
}

echo "== data and teacher"
cat "$user_answers" "$item_answers" >"$out/answers.jsonl"
part=("$here/profiled_part.py" --users "$users" --items "$items" --least "${LEAST:-1}")
"${part[@]}" --answers "$out/answers.jsonl" "$data" "$out/own.data"
"$reclm" profile --data "$data" --answers "$out/answers.jsonl" --out "$out/teacher.jsonl"
taught "${LEARN:-all}" "${LEARN_ITEMS:-all}" >"$out/learned.jsonl"
echo "== tuning: users (sft), items"
once "$out/tuned" "$reclm" tune --data "$data" "${ask[@]}" --columns "$columns" --stages sft,items \
  --profiles "$out/learned.jsonl" --epochs "${EPOCHS:-1}" "${learn[@]}" --shown "${SHOWN:-100}"
recommend own "$columns" --profiles "$out/teacher.jsonl"
if (($# == 8)); then
  "${part[@]}" "$7" "$out/other.data"
  recommend other "$8"
fi
if ((few > 0)); then
  echo "== all five stages, on $few users"
  taught "$few" "$few" >"$out/few.jsonl"
  once "$out/few" "$reclm" tune --data "$data" "${ask[@]}" --columns "$columns" --profiles "$out/few.jsonl" \
    --epochs 1 "${learn[@]}" --steps 4 --questions 8 --shown 8
fi
