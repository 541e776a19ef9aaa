"""Small sentencepiece models and the ids that sentencepiece gives for those strings of token_ids.py that
hold no control token.

    pip install sentencepiece tokenizers
    python sentencepiece_ids.py FOLDER     (writes FOLDER/spm_<kind>.model.gz and FOLDER/spm.json, as token_ids.py's ids.json)
"""
import gzip
import io
import json
import sys
from pathlib import Path

import sentencepiece as spm
from token_ids import TEXTS, digest

KINDS = {
    "bpe": dict(model_type="bpe", vocab_size=1400, byte_fallback=True, character_coverage=0.99,
                normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True),
    "bpe_plain": dict(model_type="bpe", vocab_size=1400, byte_fallback=True, character_coverage=0.99,
                      normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
                      allow_whitespace_only_pieces=True, user_defined_symbols=["\u2581\u2581", "\u2581\u2581\u2581"]),
    "unigram": dict(model_type="unigram", vocab_size=1200, normalization_rule_name="identity", remove_extra_whitespaces=True, split_digits=True),
}

# Sentencepiece does not look for control tokens in texts; transformers, llama.cpp and we do.
SOME = [t for t in TEXTS if not any(c in t for c in ("<s>", "</s>", "<unk>"))]


def main(folder: str) -> None:
    out = Path(folder)
    found = {}
    for kind, options in KINDS.items():
        path = out / f"spm_{kind}.model.gz"
        if not path.exists():
            model = io.BytesIO()
            texts = [t.replace("\n", " ").replace("\x00", " ") for t in TEXTS[:3000]]
            spm.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=model, hard_vocab_limit=False,
                                           num_threads=1, minloglevel=2, **options)
            path.write_bytes(gzip.compress(model.getvalue(), 9, mtime=0))
        sp = spm.SentencePieceProcessor(model_proto=gzip.decompress(path.read_bytes()))
        rows = [sp.encode(t) for t in SOME]
        found[kind] = digest(rows)
    json.dump({"made_by": "sentencepiece_ids.py", "sentencepiece": spm.__version__, "kinds": found}, open(out / "spm.json", "w"))


if __name__ == "__main__":
    main(sys.argv[1])
