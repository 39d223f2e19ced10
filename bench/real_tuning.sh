#!/usr/bin/env bash
# A real model tuned on a GPT teacher's profiles: SmolLM2-135M-Instruct by LoRA on users of a data set's folder, and how
# many held-out users' profiles follow the form before and after. Public commands alone; a fifth of the users is held out.
#   bench/real_tuning.sh RECLM DATA_FOLDER ANSWERS.jsonl OUT [users=500]
# ANSWERS.jsonl holds lines {"user_id": …, "profile": …}. Interrupted or killed, the same command goes on.
set -euo pipefail
if (($# < 4)); then
  sed -n '2,6p' "$0" >&2
  exit 2
fi
reclm=$1 data=$2 answers=$3 out=$4 users=${5:-500}
mkdir -p "$out"
model=$("$(dirname "$0")"/../examples/fetch_models.sh | head -n 1)
if [[ ! -e $out/teacher.jsonl ]]; then
  head -n "$users" "$answers" >"$out/answers.jsonl"
  "$reclm" profile --data "$data" --answers "$out/answers.jsonl" --about users --out "$out/teacher.jsonl"
fi
"$reclm" tune --data "$data" --model "$model" --profiles "$out/teacher.jsonl" --stages sft --columns title --history 10 \
  --budget 448 --max-tokens 64 --epochs 1 --rank 8 --lr 4e-4 --batch-tokens 1024 --out "$out/tuned"
python3 - "$out/tuned/report.json" <<'END'
import json, sys
for entry in json.load(open(sys.argv[1]))["profiles"]:
    print(f"{entry['after']}: {100 * entry['valid']:.0f}% follow the form, e.g. {entry.get('sample', '')}")
END
