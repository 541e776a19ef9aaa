"""Token ids of a few hundred strings by the Rust `tokenizers` library, from the vocabulary and merges in the GGUF.

    pip install gguf tokenizers
    python smollm2_tokens.py FOLDER_OF_THE_GGUF > smollm2_tokens.json

The cutting before merging is that of SmolLM2's published tokenizer.json: single digits, then GPT-2's byte level.
"""
import json
import random
import sys

import tokenizers
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTROL = 3


def tokenizer_of(path: str) -> Tokenizer:
    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    types = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, types) if kind == CONTROL]
    )
    return tokenizer


HAND = [
    "", " ", "  ", "\n", "\t\t", "a", " a", "Hello, world!", "I'm sure they'll say it's fine; don't we've I'd",
    "1234567890", "3.14 and 1,000,000", "x1y22z333", "²³¹ ½ Ⅷ ٣٤٥ 五", "café naïve façade", "cafe\u0301",
    "日本語のテキスト", "한국어", "Россия", "مرحبا بالعالم", "😀👍🏽🇺🇸 ❤️", "\u200bzero\u200bwidth", "a\u00a0b",
    "def f(x):\n    return x ** 2  # comment\n", "if (a && b) { c += 1; }\r\n", "https://example.org/a?b=c&d=1#e",
    "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "a<|endoftext|>b", "<|im_start|", "ALL CAPS TEXT",
    "snake_case camelCase kebab-case", "....!!!???", "   leading and trailing   ", "line\n\n\nbreaks\n \n  x",
    "tab\tseparated\tvalues", "The quick brown fox jumps over the lazy dog.", "don't DON'T 'tis 'twas", "a'b'c 's 't",
    "\x00\x01\x7f", "\ufeffBOM", "e\u0301\u0302", "ﬁ ligature", "½+¼=¾", "x² + y² = z²", "$100.50 €3", "C++ C# F#",
    "[1, 2, 3]", "{'a': 1}", "\\n \\t \\\\", "~`!@#$%^&*()_+-=", "Ünïcödé", "ǅ ǈ", "𝒳𝓎𝓏", "🏳️‍🌈", "a" * 50, " " * 40,
]
WORDS = (
    "the of and nurse carpenter Mary John gave drink store because tired she he was were is are 1 23 456 7890 x_1 "
    "isn't I'll we're naïve Zürich 東京 😀 ... , . ; : ! ? ( ) [ ] \" ' - – — / \\ 3.5% #tag @user e.g. U.S.A. "
    "antidisestablishmentarianism supercalifragilistic aaaa zzzz QQQ fooBarBaz foo_bar http://a.b"
).split(" ")
SPACES = [" ", " ", " ", "  ", "\n", "\t", "", "\n\n", " \n ", "\u00a0", "\r\n"]


def strings() -> list[str]:
    rng = random.Random(0)
    made = []
    for _ in range(300):
        made.append("".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.randint(1, 14))))
    for _ in range(60):
        made.append("".join(chr(rng.choice([rng.randint(1, 0x2FF), rng.randint(0x370, 0x4FF), rng.randint(0x2000, 0x2BFF),
                                            rng.randint(0x4E00, 0x4FFF), rng.randint(0x1F300, 0x1F6FF)]))
                            for _ in range(rng.randint(1, 12))))
    return HAND + made


if __name__ == "__main__":
    tokenizer = tokenizer_of(f"{sys.argv[1]}/{FILE}")
    rows = [[text, tokenizer.encode(text, add_special_tokens=False).ids] for text in strings()]
    json.dump({"made_by": "smollm2_tokens.py", "tokenizers": tokenizers.__version__, "rows": rows}, sys.stdout)
