# A model is trained, kept, and recommends without its data.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 200 --items 250
ends 0 train --data world --epochs 3 --out model.safetensors --json
says err.txt "train LightGCN + RecLM"
json_is out.txt 3 epochs
json_is out.txt 1 epochs 0 epoch
json_is out.txt RecLM details adapter
json_is out.txt recall@20 metric
[[ $(ls) == $'err.txt\nmodel.safetensors\nout.txt\nworld' ]] || fail "training left more than the model: $(ls)"
for backbone in biasmf ncf sgl simgcl; do
  ends 0 train --data world --epochs 1 --batch-size 512 --backbone $backbone --adapter base --out $backbone.safetensors
done
ends 0 train --data world --epochs 2 --adapter id --selection last --out id.safetensors --quiet
silent err.txt
ends 0 train --data world --epochs 2 --selection best-on-test --k 5 --metrics ndcg --out test.safetensors
says out.txt "ndcg@5" "optimistic"

# A state of another selection is not gone on from.
short="train --data world --epochs 2 --adapter base --selection best-on-test --out short.safetensors --checkpoint state.safetensors"
ends 0 $short
ends 2 $short --resume --metrics ndcg
says err.txt "subject = recall@20 on test of clicks" "has ndcg@20 on test" "Remedy"
ends 0 $short --resume
mv world gone

ends 0 recommend --model model.safetensors --users u7,u1 --k 3
[[ $(cut -f 1,2 out.txt | tr '\t\n' ' ;') == "user rank;u7 1;u7 2;u7 3;u1 1;u1 2;u1 3;" ]] || fail "wrong lists: $(cat out.txt)"
ends 0 recommend --model ncf.safetensors --users u7 --k 3 --threads 1
ends 0 recommend --model model.safetensors --users u7 --json
json_is out.txt 20 0 items
json_is out.txt u7 0 user
ends 2 recommend --model model.safetensors --users u7,nobody
says err.txt '"nobody"' "Remedy"

# Nobody is told what they know; warm and cold part the items.
ends 0 recommend --model model.safetensors --all-users --k 250 --out all.tsv --quiet
silent out.txt
awk -F'\t' 'FNR == 1 {next} NR == FNR {seen[$1 "\t" $2] = 1; next} ($1 "\t" $3) in seen {bad++} END {exit bad > 0}' \
  gone/world.train.inter all.tsv || fail "items of the training were recommended"
for kind in warm cold; do ends 0 recommend --model model.safetensors --all-users --k 250 --candidates $kind --out $kind.tsv; done
warm=$(tail -n +2 warm.tsv | cut -f 3 | sort -u) cold=$(tail -n +2 cold.tsv | cut -f 3 | sort -u)
[[ -z $(comm -12 <(echo "$warm") <(echo "$cold")) ]] || fail "items are warm and cold"
trained=$(tail -n +2 gone/world.train.inter | cut -f 2 | sort -u)
[[ -z $(comm -12 <(echo "$trained") <(echo "$cold")) ]] || fail "cold items occur in training"
[[ $(wc -l <all.tsv) == $(($(wc -l <warm.tsv) + $(wc -l <cold.tsv) - 1)) ]] || fail "warm and cold are not all"

if [[ -e /dev/full ]]; then
  status=0
  "$RECLM" recommend --model model.safetensors --all-users >/dev/full 2>err.txt || status=$?
  [[ $status == 1 ]] || fail "a full disk ended with $status"
  says err.txt "standard output"
fi

finish
