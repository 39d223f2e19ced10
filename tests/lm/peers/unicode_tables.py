"""Classes of code points as Hugging Face's tokenizers have them: include/reclm/lm/tokenizer/detail/unicode_tables.hpp.

    pip install tokenizers unicodedata2 && python tests/lm/peers/unicode_tables.py

Its parts come from several versions of Unicode (patterns from one, BERT's classes and normal forms from older ones), so
each class is asked of the code that uses it."""
import pathlib

import unicodedata2 as ucd
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def where(test):
    found = []
    for c in POINTS:
        if test(chr(c)):
            if found and found[-1][1] == c - 1:
                found[-1][1] = c
            else:
                found.append([c, c])
    return found


def pattern(text):
    split = pre_tokenizers.Split(Regex(text), "removed")
    return where(lambda c: not split.pre_tokenize_str(c))


bert, digits = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)
clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
accents, nfd, nfkd = normalizers.StripAccents(), normalizers.NFD(), normalizers.NFKD()


def unknown_to_normal_forms(c):
    """Characters newer than their tables: they neither decompose nor change places there."""
    if ucd.decomposition(c) and ucd.normalize("NFKD", c) != c and nfkd.normalize_str(c) == c:
        return True
    combining = ucd.combining(c)
    if combining == 0:
        return False
    low, high = "\u0334", "\u0345"  # classes 1 and 240
    if combining > 1:
        return nfd.normalize_str(c + low) == c + low
    return nfd.normalize_str(high + c) == high + c


TABLES = [
    ("Letters", "\\p{L} of patterns", pattern(r"\p{L}")),
    ("Numbers", "\\p{N} of patterns", pattern(r"\p{N}")),
    ("Spaces", "\\s, everywhere", pattern(r"\s")),
    ("Digits", "what is split off as a digit", where(lambda c: len(digits.pre_tokenize_str("a" + c)) == 2)),
    ("PunctuationMarks", "BERT's punctuation", where(lambda c: len(bert.pre_tokenize_str("a" + c + "a")) == 3)),
    ("Controls", "what BERT removes", where(lambda c: clean.normalize_str(c) == "")),
    ("BertAccents", "what BERT strips as accents", where(lambda c: strip.normalize_str(c) == "")),
    ("Accents", "what StripAccents removes", where(lambda c: accents.normalize_str(c) == "")),
    ("UnknownToNormalForms", "what normal forms leave alone", where(unknown_to_normal_forms)),
]

out = """#pragma once
/// @file unicode_tables.hpp
/// Classes of code points as Hugging Face's tokenizers have them: pairs of first and last. Written by
/// tests/lm/peers/unicode_tables.py.

#include <cstdint>

// clang-format off
namespace reclm::lm::detail {
"""
for name, meaning, ranges in TABLES:
    out += f"\n/// {meaning}\ninline constexpr std::uint32_t k{name}[] = {{"
    line = ""
    for first, last in ranges:
        word = f"0x{first:X},0x{last:X},"
        if len(line) + len(word) > 118:
            out += "\n" + line
            line = ""
        line += word
    out += "\n" + line + "};\n"
out += "\n}  // namespace reclm::lm::detail\n// clang-format on\n"
pathlib.Path(__file__).parents[3].joinpath("include/reclm/lm/tokenizer/detail/unicode_tables.hpp").write_text(out)
