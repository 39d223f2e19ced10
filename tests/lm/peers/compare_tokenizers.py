"""Compares this library's tokenizers with Hugging Face's, token for token and back to text, and their speed on one core.

    pip install tokenizers gguf
    g++ -std=c++20 -O2 -march=native -Iinclude tests/lm/peers/tokenize.cpp -o build/tokenize -ltbb -lpcre2-8 -lutf8proc
    python tests/lm/peers/compare_tokenizers.py build/tokenize [--data FOLDER] [--models FOLDER] [--strings 100000]
        [--only NAME]

Models: SmolLM2's (from its GGUF file) and MiniLM's (tokenizer.json), where --models has them, and one for each of the
patterns of GPT-2, Llama-3, Qwen2 and Llama-2, trained here; --only: those whose names begin so. Texts: every line of the
.item and .jsonl files below --data, and random strings.
"""
import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers


def split(digits):
    return Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits +
                 r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(pre, corpus, normalizer=None, specials=("<|endoftext|>",)):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=8000, special_tokens=list(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return tokenizer


def llama2(corpus, size=6000):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size, limit_alphabet=200, show_progress=False))
    trained = json.loads(tokenizer.to_str())["model"]
    texts = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    texts += [t for t, _ in sorted(trained["vocab"].items(), key=lambda pair: pair[1])]
    tokenizer = Tokenizer(models.BPE({t: k for k, t in enumerate(texts)}, [tuple(m) for m in trained["merges"]],
                                     unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.add_tokens([AddedToken("<pad>", lstrip=True, rstrip=True), AddedToken("Word", single_word=True)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def from_gguf(path):
    import gguf
    fields = gguf.GGUFReader(path).fields
    texts = [bytes(fields["tokenizer.ggml.tokens"].parts[k]).decode() for k in fields["tokenizer.ggml.tokens"].data]
    merges = [tuple(bytes(fields["tokenizer.ggml.merges"].parts[k]).decode().split(" "))
              for k in fields["tokenizer.ggml.merges"].data]
    types = [int(fields["tokenizer.ggml.token_type"].parts[k][0]) for k in fields["tokenizer.ggml.token_type"].data]
    tokenizer = Tokenizer(models.BPE({t: k for k, t in enumerate(texts)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t, kind in zip(texts, types) if kind == 3])
    return tokenizer


def random_strings(count):
    """Words, spaces, digits, marks, emoji, special tokens, and characters from everywhere in Unicode."""
    draw = random.Random(7)
    points = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    assigned = [c for c in points if unicodedata.category(chr(c)) not in ("Cn", "Co")]
    marks = [c for c in assigned if unicodedata.combining(chr(c))]
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xE7F),
              (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
              (0x1F300, 0x1FAFF)]
    fixed = [" ", "  ", "\n", "\r\n", "\t", " \n ", "'s", "'S", "'ll", "'ſ", "don't", "İ", "ß", "123", "4567", "½", "²", "…",
             "the", " the", "Word", " movie", "<s>", "</s>", "<|endoftext|>", "<|im_start|>", "[MASK]", "<pad>", "\u00a0",
             "\u200b", "\u180e", "\u0085", "e\u0301", "é", "각", "각", "Å", "ﬁ", "👩‍👩‍👧", "\ufffd", "###", "!!!", "_a", "<0x41>"]

    def part():
        kind = draw.random()
        if kind < 0.35:
            return draw.choice(fixed)
        if kind < 0.55:
            low, high = draw.choice(blocks)
            return "".join(chr(draw.randint(low, high)) for _ in range(draw.randint(1, 8)))
        if kind < 0.7:
            return "".join(chr(draw.randint(97, 122)) for _ in range(draw.randint(1, 10)))
        if kind < 0.8:
            return chr(draw.choice(assigned)) + "".join(chr(draw.choice(marks)) for _ in range(draw.randint(0, 4)))
        if kind < 0.97:
            return chr(draw.choice(assigned))
        return chr(draw.choice(points))

    return ["".join(part() for _ in range(draw.randint(0, 12))) for _ in range(count)]


def ours(program, path, texts):
    data = b"".join(struct.pack("<I", len(t)) + t for t in (t.encode() for t in texts))
    done = subprocess.run([program, path], input=data, capture_output=True, check=True)
    out, at, results = done.stdout, 0, []
    for _ in texts:
        (n,) = struct.unpack_from("<I", out, at)
        ids = list(struct.unpack_from(f"<{n}i", out, at + 4))
        at += 4 + 4 * n
        (n,) = struct.unpack_from("<I", out, at)
        results.append((ids, out[at + 4:at + 4 + n].decode()))
        at += 4 + n
    return results, done.stderr.decode().strip()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--data", type=pathlib.Path)
    arguments.add_argument("--models", type=pathlib.Path)
    arguments.add_argument("--strings", type=int, default=100000)
    arguments.add_argument("--only")
    options = arguments.parse_args()

    files = sorted(f for f in options.data.rglob("*") if f.suffix in (".item", ".jsonl")) if options.data else []
    real = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    print(f"tokenizers {tokenizers.__version__}; {len(real)} lines of {len(files)} files, {options.strings} random strings")
    strings = random_strings(options.strings)
    corpus = (real[:20000] or ["the quick brown fox's 12 jumps over it, isn't that so?"] * 10) + strings[:2000]

    def llama3():
        trained = byte_level(pre_tokenizers.Sequence([
            pre_tokenizers.Split(split(r"\p{N}{1,3}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), corpus)
        changed = json.loads(trained.to_str())
        changed["model"]["ignore_merges"] = True
        return Tokenizer.from_str(json.dumps(changed))

    def from_json(path):
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    # How to make each; those that are trained here have no path.
    all_models = {
        "gpt-2": (lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), corpus), None),
        "llama-3": (llama3, None),
        "qwen2": (lambda: byte_level(pre_tokenizers.Sequence([
            pre_tokenizers.Split(split(r"\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), corpus, normalizers.NFC()), None),
        "llama-2": (lambda: llama2(corpus), None),
    }
    for file in sorted(options.models.rglob("*.gguf")) if options.models else []:
        all_models[file.name] = (lambda file=file: from_gguf(file)), file
    for file in sorted(options.models.rglob("tokenizer.json")) if options.models else []:
        all_models[str(file.relative_to(options.models))] = (lambda file=file: from_json(file)), file

    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, path) in all_models.items():
            if options.only and not name.startswith(options.only):
                continue
            model = make()
            if path is None:
                path = os.path.join(folder, name + ".json")
                model.save(path)
            for kind, texts in (("real", real), ("random", strings)):
                if not texts:
                    continue
                mine, speed = ours(options.program, path, texts)
                begin = time.perf_counter()
                theirs = [model.encode(t) for t in texts]
                seconds = time.perf_counter() - begin
                size = sum(len(t.encode()) for t in texts) / 1e6
                wrong_ids = wrong_texts = 0
                for text, (ids, back), encoding in zip(texts, mine, theirs):
                    if ids != encoding.ids:
                        wrong_ids += 1
                        if wrong_ids <= 3:
                            print("   ", repr(text), "\n      ours  ", ids, "\n      theirs", encoding.ids)
                    elif back != model.decode(ids):
                        wrong_texts += 1
                        if wrong_texts <= 3:
                            print("   ", repr(text), "\n      ours  ", repr(back), "\n      theirs", repr(model.decode(ids)))
                failures += wrong_ids + wrong_texts
                print(f"{name:40} {kind:7} {len(texts):7} texts, {wrong_ids} other tokens, {wrong_texts} other texts; "
                      f"ours {speed}; theirs {seconds:.3f} s, {size / seconds:.1f} MB/s", flush=True)
    # The trainers: the same corpus, the same merges.
    lines = [t for t in real or strings[:5000]]
    corpus = "\n".join(lines) + "\n"
    data = b"".join(struct.pack("<I", len(t)) + t for t in (t.encode() for t in lines))
    done = subprocess.run([options.program, "train:4000"], input=data, capture_output=True, check=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    begin = time.perf_counter()
    tokenizer.train_from_iterator([corpus], trainers.BpeTrainer(
        vocab_size=4000, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    seconds = time.perf_counter() - begin
    theirs, mine = json.loads(tokenizer.to_str())["model"], json.loads(done.stdout)["model"]
    same = theirs["merges"] == mine["merges"] and theirs["vocab"] == mine["vocab"]
    print(f"training 4000 tokens on {len(corpus) / 1e6:.1f} MB: {'the same' if same else 'OTHER'} vocabulary and merges; "
          f"ours {done.stderr.decode()}; theirs {seconds:.3f} s")
    sys.exit(failures > 0 or not same)


if __name__ == "__main__":
    main()
