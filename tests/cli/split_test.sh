# A folder with a validation split, for models that are trained elsewhere.
source "$(dirname "$0")/lib.sh"

ends 0 world --out world --users 120 --items 150
lines() { tail -q -n +2 "$@" | cut -f 1,2 | sort; }

ends 0 split --data world --out parts --json
silent err.txt
json_is out.txt 120 users
valid=$(json out.txt valid)
[[ $valid -gt 50 && $valid == $(lines parts/world.valid.inter | wc -l) ]] || fail "validation has $valid clicks"
diff <(lines world/world.train.inter) <(lines parts/world.train.inter parts/world.valid.inter) >/dev/null ||
  fail "train and validation are not what train was"
for file in world.item world.user item_text.npy item_profiles.jsonl; do same world/$file parts/$file; done
for split in test zero; do
  diff <(lines world/world.$split.inter) <(lines parts/world.$split.inter) >/dev/null || fail "$split is another"
done
# older FOLDER: of a user's clicks that stay in train, how many percent are older than one for validation.
older() {
  awk -F'\t' 'FNR == 1 {file++; next} file == 1 {time[$1 "\t" $2] = $3 + 0; next} {t = time[$1 "\t" $2]}
    file == 2 {kept[$1] = kept[$1] " " t; next}
    {m = split(kept[$1], at, " "); for (k = 1; k <= m; k++) sum += (at[k] <= t); all += m}
    END {print int(100 * sum / all)}' world/world.train.inter "$1"/world.{train,valid}.inter
}
[[ $(older parts) -gt 95 ]] || fail "validation is not the latest: $(older parts)% are older"
ends 0 split --data world --by random --seed 2 --valid 0.2 --out random
says out.txt "drawn at random"
[[ $(older random) -lt 80 ]] || fail "validation is not drawn at random: $(older random)% are older"
[[ $(lines random/world.valid.inter | wc -l) -gt $valid ]] || fail "--valid 0.2 takes no more than 0.1"
ends 0 split --world --out whole
says out.txt "latest clicks"
exists whole/item_text.npy

# All in one file, without tables: ids in the order of their rows are written.
mkdir one
{ printf 'user_id:token\titem_id:token\trating:float\n'
  for user in 1 2 3 4 5 6; do for item in a b c d e f g h; do printf 'u%s\t%s\t%s.5\n' $user $item $user; done; done
} >one/shop.inter
ends 0 split --data one --out pieces --cold-items 0 --test 0.25
says out.txt "to choose on"
[[ $(cat pieces/shop.user) == $'user_id:token\nu1\nu2\nu3\nu4\nu5\nu6' ]] || fail "shop.user: $(cat pieces/shop.user)"
says pieces/shop.train.inter "rating:float" "u1" "1.5"
[[ $(lines pieces/shop.{train,valid,test}.inter | wc -l) == 48 ]] || fail "clicks were lost"
missing pieces/shop.zero.inter
ends 0 split --data one --out others --cold-items 0 --test 0.25 --seed 2
if cmp -s pieces/shop.train.inter others/shop.train.inter; then fail "another seed made the same split"; fi
missing pieces/shop.inter
ends 0 inspect --data pieces

# Vectors keep their rows where records that are rated too low change the order of ids.
mkdir rows
{ printf '%s\t%s\t%s\n' user_id:token item_id:token rating:float u1 c 1
  for user in 1 2 3 4 5 6; do for item in a b c; do printf 'u%s\t%s\t4.5\n' $user $item; done; done
} >rows/shop.inter
{ printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }"
  printf '\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40'
} >rows/item_text.npy
ends 0 split --data rows --min-rating 4 --cold-items 0 --test 0.25 --out rated
[[ $(cat rated/item_text.ids) == $'c\na\nb' ]] || fail "the rows are of $(cat rated/item_text.ids)"
[[ $(cat rated/shop.item) == $'item_id:token\na\nb\nc' ]] || fail "shop.item: $(cat rated/shop.item)"
ends 0 inspect --data rated

# Refused, and nothing is left behind.
ends 2 split --data parts --out again
says err.txt "validation split already" "Remedy"
ends 2 split --data world --out parts
says err.txt "not empty" "Remedy"
ends 2 split --data world --valid 0.001 --by guess --out again
ends 3 split --data none --out again
says err.txt "none" "Remedy"
missing again
[[ -z $(ls -d ./*.tmp.* 2>/dev/null) ]] || fail "a temporary folder was left"

finish
