"""Ten thousand strings through the reference tokenizers: ids for each kind of tokenizer.

    pip install tokenizers transformers sentencepiece gguf
    python token_ids.py FOLDER [SmolLM2.gguf]

Writes FOLDER/strings.json.gz (the strings), FOLDER/<kind>.json.gz (a small tokenizer.json trained on some of them) and
FOLDER/ids.json: of each kind the number of ids, the SHA-256 of all ids (for each string their number and the ids, as
little-endian uint32), and of each string the first byte of the SHA-256 of its part, in base64, so that a test can
point at the first string that differs; `decoded` is the SHA-256 of what the ids decode to, joined by NUL. The strings follow from the
seed; training breaks ties by the order of hash tables, so tokenizers that lie in FOLDER already are taken as they are. With --full, FOLDER/<kind>.full.gz holds the ids.
"""
import base64
import gzip
import hashlib
import json
import random
import struct
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

COUNT, SEED = 10_000, 11

WORDS = {
    "latin": "the of and to in that it was for on are with they be at one have this from or had by but some what there we can "
             "out other were all your when up use word how said an each she don't I'm you'll we've he'd it's naïve café Ångström "
             "straße Œuvre ﬁle ﬂow İstanbul ıslak Ǆungla ŉ ſet".split(),
    "cyrillic": "и в не на я быть он с что а по это она этот к но ёлка Ђорђе їжак щось Привет МИР".split(),
    "greek": "και το να του η για με Ελλάδα ΟΔΟΣ σίγμα ώρα ΐ".split(),
    "hebrew": "של את לא הוא שָׁלוֹם עברית".split(),
    "arabic": "في من على السلام عَلَيْكُم العربية ﷺ ﻻ".split(),
    "hindi": "के में की है नमस्ते हिन्दी क्षत्रिय".split(),
    "thai": "และ ที่ ใน สวัสดี ภาษาไทย น้ำ".split(),
    "cjk": "的 一 是 不了 人 我在有他 中文分词 日本語 東京 カタカナ ひらがな ｶﾞ ㍿ 漢字仮名交じり文 한국어 안녕하세요 각 ᄀᆞᆨ 㐀 𠀀𠮷".split(),
    "other": "ქართული հայերեն አማርኛ ខ្មែរ தமிழ் ไทย 𝕳𝖊𝖑𝖑𝖔 𝟘𝟙 Ⅻ ½ ² ₃ ① ㊀ ٣٤٥ १२३ ௧ 𞤀𞤁".split(),
}
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "❤️", "☺", "✈️", "1️⃣", "🧑‍🚀", "\U0001FAE8", "©️"]
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u2028", "\x0b", "\x0c",
          "\x85", "\u1680", "\u180e", "        "]
MARKS = list(".,;:!?-_()[]{}<>/\\|@#$%^&*+=~`'\"") + ["...", "—", "–", "…", "«", "»", "“", "”", "‘", "’", "。", "、", "！", "¿", "¡", "→", "≤",
                                                      "№", "€", "£", "°", "•", "‽", "＂", "｡", "🅰", "'s", "'S", "'LL", "'ve", "’s", "'T"]
CODE = ["def f(x):\n    return x**2\n", "for (let i = 0; i < n; i++) {\n\ta[i] += b[i];\n}", "#include <stdio.h>", "x = {'a': [1, 2.5e-3]}",
        "SELECT * FROM t WHERE a >= 10;", "\\frac{1}{2}", "https://example.org/a?b=c&d=%20", "user@mail.com", "/usr/local/bin",
        "0xFF", "camelCaseName", "snake_case_name", "CONSTANT_CASE", "<div class=\"a\">x</div>", "λx.x", "git commit -m 'why'", "v1.2.3-rc.4"]
SPECIAL = ["<s>", "</s>", "<|endoftext|>", "[CLS]", "[MASK]", "<unk>", "▁", "##", "Ġ", "<0x41>", "<|im_start|>", "</w>"]
ODD = ["\x00", "\x01", "\x7f", "\xad", "\u0301", "\u200d", "\ufe0f", "\ufffd", "\U0010ffff", "\ue000", "\u202e", "\u0378", "\u2060", "\ufff9"]


def strings() -> list[str]:
    r = random.Random(SEED)
    scripts = list(WORDS)

    def number() -> str:
        return r.choice([str(r.randrange(10 ** r.randrange(1, 12))), f"{r.random() * 1000:.3f}", f"{r.randrange(10**9):,}",
                         f"{r.randrange(24):02}:{r.randrange(60):02}", f"-{r.randrange(100)}%"])

    def piece(script: str) -> str:
        roll = r.random()
        if roll < 0.55:
            word = r.choice(WORDS[script])
            return r.choice([word, word, word, word.upper(), word.capitalize(), word.lower()])
        if roll < 0.65:
            return number()
        if roll < 0.77:
            return "".join(r.choice(MARKS) for _ in range(r.randrange(1, 4)))
        if roll < 0.82:
            return "".join(r.choice(EMOJI) for _ in range(r.randrange(1, 3)))
        if roll < 0.86:
            return r.choice(CODE)
        if roll < 0.88:
            return r.choice(SPECIAL)
        if roll < 0.90:
            return r.choice(ODD)
        if roll < 0.93:
            return chr(r.choice([r.randrange(0x20, 0x250), r.randrange(0x250, 0x3000), r.randrange(0x3000, 0xd800),
                                 r.randrange(0xe000, 0x10000), r.randrange(0x10000, 0x1f000)]))
        return r.choice(WORDS[r.choice(scripts)])

    out = ["", " ", "  ", "\n", "a", " a", "a ", "Hello world", "Hello  world", "hello\n\nworld\n", "1234567", "▁", " ▁ a", "é", "e\u0301"]
    while len(out) < COUNT:
        script = r.choice(scripts) if r.random() < 0.6 else "latin"
        text = ""
        for _ in range(min(1 + int(r.expovariate(1 / 7)), 40)):
            text += piece(script)
            if r.random() < 0.8:
                text += r.choice(SPACES) if r.random() < 0.3 else " "
        text = text if r.random() < 0.3 else text.strip(" ")
        out.append(unicodedata.normalize(r.choice(["NFC", "NFD"]), text) if r.random() < 0.2 else text)
    return out


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split_then_bytes(pattern: str):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(pre, specials, size=1200, **model) -> Tokenizer:
    tok = Tokenizer(models.BPE(**model))
    tok.pre_tokenizer = pre
    tok.decoder = decoders.ByteLevel()
    tok._trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False,
                                       initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return tok


def gpt2() -> Tokenizer:
    return byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>"])


def llama3() -> Tokenizer:
    return byte_level(split_then_bytes(LLAMA3), ["<|endoftext|>", "<|im_start|>"], ignore_merges=True)


def qwen() -> Tokenizer:
    tok = byte_level(split_then_bytes(QWEN), ["<|endoftext|>", "<|im_start|>"])
    tok.normalizer = normalizers.NFC()
    return tok


def neox() -> Tokenizer:
    tok = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>"])
    tok.normalizer = normalizers.NFC()
    tok._after = lambda t: t.add_tokens([AddedToken("        ", normalized=False), AddedToken("   ", normalized=False)])
    return tok


def smollm() -> Tokenizer:
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return byte_level(pre, ["<|endoftext|>", "<|im_start|>"])


def sentencepiece_bpe(prefix: bool, split: bool) -> Tokenizer:
    """Llama 2 (prefix ▁, spaces replaced, byte fallback), Gemma (no prefix), as transformers converts them."""
    tok = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    replace = normalizers.Replace(" ", "▁")
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prefix else replace
    tok._trainer = trainers.BpeTrainer(
        vocab_size=1400, show_progress=False, limit_alphabet=500,
        special_tokens=["<unk>", "<s>", "</s>", *[f"<0x{b:02X}>" for b in range(256)]])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     *([decoders.Strip(" ", 1, 0)] if prefix else [])])
    if split:
        tok.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return tok


def llama2() -> Tokenizer:
    return sentencepiece_bpe(True, False)


def gemma() -> Tokenizer:
    return sentencepiece_bpe(False, True)


def phi3() -> Tokenizer:
    """Metaspace on the first word only, special tokens that swallow the space behind them."""
    tok = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tok._trainer = trainers.BpeTrainer(vocab_size=1400, show_progress=False, limit_alphabet=500,
                                       special_tokens=["<unk>", "<s>", "</s>", *[f"<0x{b:02X}>" for b in range(256)]])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok._after = lambda t: t.add_tokens([AddedToken("<|im_start|>", rstrip=True, normalized=False),
                                         AddedToken("</s>", special=True, rstrip=True, normalized=False)])
    return tok


def unigram() -> Tokenizer:
    """XLM-R and T5: NFKC-like normalisation, white space collapsed, metaspace, unigram model."""
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")])
    tok._trainer = trainers.UnigramTrainer(vocab_size=1200, show_progress=False, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    tok.decoder = decoders.Metaspace()
    return tok


def precompiled() -> Tokenizer:
    """As unigram, with the map of characters that sentencepiece compiles into its models (nmt_nfkc)."""
    import io

    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as pb

    out = io.BytesIO()
    texts = [s.replace("\n", " ").replace("\x00", " ") for s in TEXTS[:3000]]
    spm.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=out, vocab_size=1500, model_type="unigram",
                                   hard_vocab_limit=False, num_threads=1, minloglevel=2)
    proto = pb.ModelProto()
    proto.ParseFromString(out.getvalue())
    pieces = [(p.piece, p.score) for p in proto.pieces]
    tok = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tok.normalizer = normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
                                           normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tok.add_special_tokens(["<s>", "</s>"])
    return tok


def wordpiece(lowercase: bool) -> Tokenizer:
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tok.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lowercase)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece(prefix="##")
    tok._trainer = trainers.WordPieceTrainer(vocab_size=1200, limit_alphabet=600, show_progress=False,
                                             special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tok._after = lambda t: setattr(t, "post_processor", processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]))
    return tok


def bert() -> Tokenizer:
    return wordpiece(True)


def bert_cased() -> Tokenizer:
    return wordpiece(False)


def digest(rows: list[list[int]]) -> dict:
    parts = [struct.pack(f"<{len(row) + 1}I", len(row), *row) for row in rows]
    marks = b"".join(hashlib.sha256(part).digest()[:1] for part in parts)
    return {"ids": sum(map(len, rows)), "sha256": hashlib.sha256(b"".join(parts)).hexdigest(),
            "marks": base64.b64encode(marks).decode()}


def smollm2_from_gguf(path: str) -> Tokenizer:
    import gguf

    fields = gguf.GGUFReader(path).fields
    text = lambda key: [bytes(fields[key].parts[i]).decode() for i in fields[key].data]
    tokens, merges = text("tokenizer.ggml.tokens"), [tuple(m.split(" ")) for m in text("tokenizer.ggml.merges")]
    types = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == 3])
    return tok


TEXTS = strings()


def trained(make, path: Path) -> Tokenizer:
    if path.exists():
        return Tokenizer.from_str(gzip.decompress(path.read_bytes()).decode())
    tok = make()
    if hasattr(tok, "_trainer"):
        tok.train_from_iterator(TEXTS[:3000], tok._trainer)
    if hasattr(tok, "_after"):
        tok._after(tok)
    path.write_bytes(gzip.compress(tok.to_str().encode(), 9, mtime=0))
    return tok


def main(folder: str, smollm2: str | None, full: bool) -> None:
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "strings.json.gz").write_bytes(gzip.compress(json.dumps(TEXTS, ensure_ascii=False).encode(), 9, mtime=0))
    found = {}

    def keep(name: str, tok: Tokenizer) -> None:
        rows = [tok.encode(t, add_special_tokens=False).ids for t in TEXTS]
        texts = "\0".join(tok.decode(row, skip_special_tokens=False) for row in rows)
        found[name] = {**digest(rows), "decoded": hashlib.sha256(texts.encode()).hexdigest()}
        if full:
            data = b"".join(struct.pack(f"<{len(row) + 1}H", len(row), *row) for row in rows)
            (out / f"{name}.full.gz").write_bytes(gzip.compress(data, 9, mtime=0))

    for make in (gpt2, llama3, qwen, neox, smollm, llama2, gemma, phi3, unigram, precompiled, bert, bert_cased):
        keep(make.__name__, trained(make, out / f"{make.__name__}.json.gz"))
    if smollm2:
        keep("smollm2", smollm2_from_gguf(smollm2))
    json.dump({"made_by": "token_ids.py", "tokenizers": tokenizers.__version__, "kinds": found}, open(out / "ids.json", "w"))


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--full"]
    main(arguments[0], arguments[1] if len(arguments) > 1 else None, "--full" in sys.argv)
