# A finished model becomes a better one, whoever trained it.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 150 --items 200
ends 0 split --data world --out parts
ends 0 train --data parts --adapter id --epochs 4 --out mine.safetensors --quiet

ends 0 enhance --data parts --model mine.safetensors --label mine --out better
says out.txt "Recall@20 on validation" "mine Base" "mine + Enhanced" "mine + Enhanced (placebo)" "Content-kNN" \
  "generalised-zero-shot" "Report: better/index.html"
for file in user_factors.npy user_factors.ids item_factors.npy item_factors.ids adapter.safetensors model.safetensors \
  choice.json index.html results.json; do exists better/$file; done
ends 0 recommend --model better/model.safetensors --users u7 --k 3
[[ $(wc -l <out.txt) == 4 ]] || fail "no list of three: $(cat out.txt)"
# Unseen items have scores of their own.
ends 0 recommend --model better/model.safetensors --users u7 --candidates cold --k 5
[[ $(tail -n +2 out.txt | cut -f 4 | sort -u | wc -l) == 5 ]] || fail "unseen items score alike: $(cat out.txt)"

# Factors as another library would hand them over; rows by their ids, some of them missing.
cp better/user_factors.npy U.npy && cp better/item_factors.npy I.npy && cp better/item_factors.ids I.ids
ends 0 enhance --data parts --user-factors U.npy --item-factors I.npy --no-placebo --warm-floor 0 --out twice --json
json_is out.txt reclm-report format
grep -q "placebo)" twice/results.csv && fail "--no-placebo has a placebo"
sed -i '1s/.*/nobody/' I.ids
ends 0 enhance --data parts --user-factors U.npy --item-factors I.npy --no-placebo --choice better/choice.json --out third
says err.txt "1 items have no row" "1 rows of I.npy belong to items"
same better/choice.json third/choice.json

# On all clicks, with what was chosen before.
ends 0 train --data world --adapter id --epochs 4 --selection last --out last.safetensors --quiet
ends 0 enhance --data world --model last.safetensors --choice better/choice.json --no-placebo --out final
ends 0 enhance --data world --model last.safetensors --no-placebo --out plain
says out.txt "nothing is chosen" "behind"
# A training that carved its own validation split: the same clicks are set aside again.
ends 0 train --data world --adapter id --epochs 2 --out carved.safetensors --quiet
ends 0 enhance --data world --model carved.safetensors --no-placebo --out own
says out.txt "own training set aside" "Recall@20 on validation"

# Scores that are no products: factors approximate them.
ends 0 train --data parts --adapter id --backbone ncf --epochs 2 --out ncf.safetensors --quiet
ends 0 enhance --data parts --model ncf.safetensors --no-placebo --out layered
says out.txt "approximate"
ends 0 recommend --model layered/model.safetensors --users u7 --k 3

# Nothing to measure by.
cp -r parts untested && rm untested/world.{test,zero}.inter
ends 0 enhance --data untested --model mine.safetensors --out unmeasured
says out.txt "Recall@20 on validation" "nothing is measured"

# Wrong calls and bad files; nothing appears.
ends 2 enhance --data parts --out bad
says err.txt "--user-factors" "--model"
ends 2 enhance --data parts --user-factors U.npy --out bad
ends 2 enhance --data parts --model mine.safetensors --warm-floor 2 --out bad
ends 2 enhance --data world --model mine.safetensors --out bad
says err.txt "other clicks" "Remedy"
ends 3 enhance --data parts --user-factors none.npy --item-factors I.npy --out bad
says err.txt "none.npy"
ends 3 enhance --data parts --user-factors parts/item_text.npy --item-factors I.npy --out bad
says err.txt "item_text.npy" "rows"
ends 3 enhance --data parts --model parts/world.item --out bad
head -c 400 U.npy >short.npy
ends 3 enhance --data parts --user-factors short.npy --item-factors I.npy --out bad
says err.txt "short.npy"
for wrong in 'no JSON' '{}' "$(sed 's/"residual": [0-9.]*/"residual": 7/' better/choice.json)"; do
  printf '%s\n' "$wrong" >choice.json
  ends 3 enhance --data parts --model mine.safetensors --choice choice.json --out bad
  says err.txt "choice.json" "Remedy"
done
mkdir full && cp U.npy full/user_factors.npy
ends 2 enhance --data parts --user-factors full/user_factors.npy --item-factors I.npy --out full/
says err.txt "written over" "Remedy"
: >file
ends 2 enhance --data parts --model mine.safetensors --out file
missing bad

finish
