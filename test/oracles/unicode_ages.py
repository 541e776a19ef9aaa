"""Where the Rust library `tokenizers` has other categories of characters than today's Unicode: its tables are older.

    pip install tokenizers
    node unicode_categories.mjs > cats.json
    python unicode_ages.py cats.json > ../../src/models/tokenizer/unicode-ages.ts
"""
import json
import sys

from tokenizers import normalizers, pre_tokenizers

ACCENTS = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
CLEAN = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
STRIP = normalizers.StripAccents()
PUNCTUATION = pre_tokenizers.BertPreTokenizer()
KEPT = {"\t", "\n", "\r"}

REMOVES = {
    "Mn": lambda c: ACCENTS.normalize_str(c) == "",
    "M": lambda c: STRIP.normalize_str(c) == "",
    "C": lambda c: c in KEPT or CLEAN.normalize_str(c) == "",
    "P": lambda c: len(PUNCTUATION.pre_tokenize_str(f"a{c}a")) == 3,
}
NAMES = {"Mn": "laterNonspacingMarks", "M": "laterMarks", "C": "laterControls", "P": "laterPunctuation"}
WHAT = {"Mn": "nonspacing marks that BertNormalizer does not know", "M": "marks that StripAccents does not know",
        "C": "control characters that BertNormalizer does not know",
        "P": "punctuation that BertPreTokenizer does not know"}


def ranges(codes: list[int]) -> str:
    out: list[list[int]] = []
    for c in codes:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in out)


def main(path: str) -> None:
    categories = json.load(open(path))
    print("/** @file Characters whose category the Rust library `tokenizers` does not know yet: its tables are of older Unicode. */\n")
    print("// Written by test/oracles/unicode_ages.py from the library itself.\n")
    print("const set = (ranges: string): string =>\n  ranges.replace(/[0-9A-F]+/g, (hex) => `\\\\u{${hex}}`).replaceAll(' ', '');\n")
    for key, removes in REMOVES.items():
        missing = [c for c in categories[key] if not removes(chr(c))]
        text = ranges(missing).split(" ")
        lines, line = [], ""
        for r in text:
            if len(line) + len(r) > 100:
                lines.append(line)
                line = ""
            line += r + " "
        lines.append(line.rstrip())
        body = " +\n    ".join(f"'{l}'" for l in lines if l)
        print(f"/** For a class of a regular expression: {WHAT[key]}. */\nexport const {NAMES[key]} = set(\n  {body},\n);\n")


if __name__ == "__main__":
    main(sys.argv[1])
