# A study: tables, report, JSON, and runs that are kept.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 200 --items 250
job=(bench --data world --epochs 2 --batch-size 1024 --seeds 2)
ends 0 "${job[@]}" --settings all --backbones biasmf,lightgcn --report out/report
says out.txt "Popularity" "Random" "Content-kNN" "BiasMF Base" "LightGCN + RecLM (placebo)" "full-shot" "sparse" \
  "zero-shot" "Cold recall@20" "out/report/index.html" "validation"
says err.txt "[12/12] train LightGCN + RecLM (placebo)"
for file in index.html report.md results.json results.csv comparisons.csv curves.csv; do exists "out/report/$file"; done
json_is out/report/results.json reclm-report format
cp out.txt first.txt

# Everything is kept: the same figures without training; another study puts the runs aside.
ends 0 "${job[@]}" --settings all --backbones biasmf,lightgcn --report out/report --resume
if grep -q "train" err.txt; then fail "finished models were trained again"; fi
same out.txt first.txt
ends 0 "${job[@]}" --adapters base,id --no-baselines --report out/report --json --threads 1
says err.txt "runs.previous"
exists out/report/runs.previous
if grep -q Popularity out.txt; then fail "--no-baselines has baselines"; fi
json_is out.txt reclm-report format
json_is out.txt 3 tables
same out.txt out/report/results.json

ends 0 "${job[@]}" --no-placebo --settings full --k 5 --metrics ndcg,mrr --quiet
silent err.txt
says out.txt "NDCG@5" "MRR@5"
if grep -qF "(placebo)" out.txt; then fail "--no-placebo has a placebo"; fi

# Text through the built-in encoder where there are no vectors; ratings and one file that is split.
rm world/*.npy
ends 0 "${job[@]}" --settings full
mkdir one
cp world/world.train.inter one/one.inter
ends 0 bench --data one --epochs 1 --adapters id --split ratio --core 2 --settings full
says out.txt "LightGCN ID"
ends 2 bench --data one --epochs 1 --adapters reclm
says err.txt "Remedy"

# What cannot begin leaves the runs of an earlier study where they are; other settings leave them, too.
ends 0 bench --data one --epochs 1 --adapters id --report kept
ls kept/runs >runs.txt
ends 2 bench --data one --epochs 1 --adapters base --report kept
ls kept/runs | diff - runs.txt || fail "the runs of the earlier study are gone"
missing kept/runs.previous
ends 0 bench --data one --epochs 2 --adapters id --report kept --resume
ends 0 bench --data one --epochs 1 --adapters id --report kept --resume
if grep -q "train LightGCN" err.txt; then fail "a finished model was trained again"; fi
rm world/world.zero.inter
ends 2 bench --data world --epochs 1 --adapters id --settings zero-shot,generalised-zero-shot
says err.txt "nothing could be measured"

finish
