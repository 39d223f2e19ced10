# What inspect counts and finds, for people and for programs.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 120 --items 150
ends 0 inspect --data world --json
silent err.txt
json_is out.txt 120 users
json_is out.txt 150 items
train=$(json out.txt splits train interactions)
[[ $train == $(($(wc -l <world/world.train.inter) - 1)) ]] || fail "train has $train interactions"
json_is out.txt 150 vectors item_vectors rows
json_is out.txt 0 vectors item_vectors zero_rows
ends 0 inspect --data world
says out.txt "120 users, 150 items" "most popular 1%" "title"
if grep -q "^error" out.txt; then fail "the world has errors"; fi

# A click that is in train and in test.
cp -r world faults
head -n 2 world/world.train.inter | tail -n 1 >>faults/world.test.inter
ends 0 inspect --data faults
says out.txt "error: 1 of" "test targets are in train" "Remedy"
ends 3 inspect --data faults --strict --json
json_is out.txt error findings 0 severity

ends 3 inspect --data none
says err.txt "none" "Remedy"
ends 2 inspect
says err.txt "--data DIR" "--world"

finish
