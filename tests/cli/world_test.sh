# The embedded world as a folder: complete, reproducible, never over something else.
source "$(dirname "$0")/lib.sh"

size=(--users 120 --items 150)
ends 0 world --out deep/world "${size[@]}" --seed 3 --json
silent err.txt
json_is out.txt 120 users
json_is out.txt 150 items
for file in world.train.inter world.test.inter world.zero.inter world.item world.user item_text.npy item_profile.npy \
  user_profile.npy item_profiles.jsonl; do exists "deep/world/$file"; done
[[ $(wc -l <deep/world/world.item) == 151 ]] || fail "world.item has not 151 lines"
[[ $(ls deep) == world ]] || fail "something else than the world was left in its parent folder"

ends 0 world --out again/ "${size[@]}" --seed 3 --threads 1
says out.txt "120 users"
diff -r deep/world again >/dev/null || fail "the same seed made another world"
ends 0 world --out other "${size[@]}" --seed 4 --no-vectors
if cmp -s deep/world/world.train.inter other/world.train.inter; then fail "another seed made the same world"; fi
missing other/item_text.npy

# A name that is no UTF-8 is told as well as JSON can.
latin=$'caf\xe9'
ends 0 world --out "$latin" "${size[@]}" --no-vectors --json
json_is out.txt 120 users
ends 0 inspect --data other --json
mkdir named
for file in other/world.*; do cp "$file" "named/$latin.${file#other/world.}"; done
ends 0 inspect --data named --json
json_is out.txt 120 users
for try in 1 2; do
  ends 0 bench --data named --epochs 1 --adapters base --settings full --report report --resume --json
  json_is out.txt reclm-report format
done

before=$(ls -R again | cksum)
ends 2 world --out again "${size[@]}"
says err.txt "again" "Remedy"
[[ $(ls -R again | cksum) == "$before" ]] || fail "a refused call changed the folder"
: >file
ends 2 world --out file "${size[@]}"
ends 1 world --out file/below "${size[@]}"
says err.txt "Remedy"

finish
