"""Small tokenizers and what Hugging Face's library makes of texts with them: tests/fixtures/tokenizers.

    pip install tokenizers gguf && python tests/lm/peers/tokenizer_fixture.py
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare_tokenizers import llama2, random_strings, split  # noqa: E402
from tokenizers import (AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,  # noqa: E402
                        trainers)

FOLDER = pathlib.Path(__file__).parents[2] / "fixtures" / "tokenizers"
FOLDER.mkdir(exist_ok=True)
TEXT = (pathlib.Path(__file__).parents[3] / "README.md").read_text()
TEXTS = ["", " ", "Hello world", "  two  spaces \n\n and\r\n\tlines  ", "I'm, you'LL; they've 'ſ isn't", "12345 67 ½²",
         "Größe — naïve café", "e\u0301 \u1e9b\u0323 각 Å ﬁ", "日本語テキスト和 中文", "İstanbul ΑΣ ß", "👩‍👩‍👧 🙂",
         "a<|endoftext|> b <|endoftext|>", "[MASK] [UNK]x", " Word Words xWord <pad>  y", "\u00a0\u200b\u180e\u0085\ufffd x",
         "https://example.org/a_b?c=d&e=1", "!!!...###", "\x00\x01\x7f tab\tend", "क्षि ไทย עברית عربي",
         "x" * 70 + " " + "ab" * 50] + random_strings(60)[:20]
LINES = TEXT.splitlines()


def byte_level(pre, normalizer=None, trained=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE()) if trained is None else Tokenizer(
        models.BPE(trained["vocab"], [tuple(m) for m in trained["merges"]], ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    if trained is None:
        tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(
            vocab_size=700, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False))
    else:
        tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(LINES, trainers.WordPieceTrainer(
        vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


gpt2 = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
trained = json.loads(gpt2.to_str())["model"]
no_regex = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                  pre_tokenizers.ByteLevel(add_prefix_space=False)])
cases = {
    "gpt2": gpt2,
    "smollm": byte_level(digits, None, trained),
    "llama3": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(split(r"\p{N}{1,3}"), "isolated"), no_regex]), None,
                         trained, True),
    "qwen2": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(split(r"\p{N}"), "isolated"), no_regex]),
                        normalizers.NFC(), trained),
    "llama2": llama2(LINES, 600),
    "bert": word_piece(),
}
expected = {}
for name, tokenizer in cases.items():
    document = json.loads(tokenizer.to_str())
    if name in ("smollm", "llama3", "qwen2"):  # the same vocabulary and merges as gpt2
        document["model"]["vocab"], document["model"]["merges"] = {}, []
    (FOLDER / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    expected[name] = [[tokenizer.encode(t).ids, tokenizer.decode(tokenizer.encode(t).ids)] for t in TEXTS]
(FOLDER / "expected.json").write_text(json.dumps({"texts": TEXTS, "expected": expected}, separators=(",", ":")) + "\n")
