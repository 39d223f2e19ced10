# Bad data end with 3 and a message that names file, line and remedy; nothing is left behind.
source "$(dirname "$0")/lib.sh"

bad() {
  ends 3 bench --data "$1" --report report
  says err.txt "Remedy" "${@:2}"
  silent out.txt
  missing report
}

bad none "none"
: >file
bad file "file"
mkdir empty
bad empty "empty" ".inter"

head=$'user_id:token\titem_id:token\n'
mkdir short
printf '%su\ta\nv\n' "$head" >short/short.train.inter
bad short "short.train.inter:3"
mkdir header
printf 'u\ta\n' >header/header.train.inter
bad header "header.train.inter:1"
mkdir two
printf '%su\ta\n' "$head" | tee two/one.inter >two/two.inter
bad two "one, two"
ends 3 train --data two --out model.safetensors
missing model.safetensors

ends 0 world --out world --users 120 --items 150
cp -r world cut
head -c 1000 world/item_text.npy >cut/item_text.npy
bad cut "item_text.npy"
cp -r world unreadable
rm unreadable/world.item && mkdir unreadable/world.item
bad unreadable "world.item"

# Profiles of two encoders: found by inspect, and refused before anything is trained, where they are taken.
cp -r world widths
{
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (120, 7), }"
  head -c $((120 * 7 * 4)) /dev/zero
} >widths/user_profile.npy
ends 0 inspect --data widths
says out.txt "error: the vectors of user_profile.npy are 7 wide, those of item_profile.npy" "Remedy"
bad widths "user_profile.npy" "item_profile.npy" "one encoder"
if grep -q train err.txt; then fail "a model was trained before the profiles were refused"; fi
ends 3 train --data widths --epochs 1 --out model.safetensors
says err.txt "user_profile.npy" "item_profile.npy" "Remedy"
ends 0 bench --data widths --adapters base --epochs 1 --settings full

ends 3 recommend --model none.safetensors --all-users
says err.txt "none.safetensors"
printf 'no model at all' >text.safetensors
ends 3 recommend --model text.safetensors --all-users
says err.txt "text.safetensors"
ends 0 train --data world --epochs 1 --out model.safetensors --checkpoint state.safetensors
head -c 5000 model.safetensors >half.safetensors
ends 3 recommend --model half.safetensors --all-users --out lists.tsv
says err.txt "half.safetensors" "Remedy"
ends 3 recommend --model state.safetensors --all-users
says err.txt "checkpoint" "Remedy"
missing lists.tsv

finish
