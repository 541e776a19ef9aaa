"""A seeded tiny random Llama by PyTorch and transformers: weights, tokenizer and logits.

    pip install torch transformers tokenizers
    python tiny_llama.py FOLDER        (writes FOLDER/config.json, model.safetensors, tokenizer.json, logits.json)

Heads are wider than width / heads, keys are shared by two heads, the unembedding is not tied. `logits` are computed in
float64 from the float32 weights; `scaled` the same with llama3's stretched rotary embedding.
"""
import json
import sys

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

SIZES = dict(
    vocab_size=288, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=12, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
)
SCALING = dict(
    rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32
)
BASE = 500.0
TEXT = ["the cat sat on the mat and the dog sat on the log", "a nurse and a carpenter went to the store", "12 + 34 = 46"]


def model_of(rope: dict) -> LlamaForCausalLM:
    torch.manual_seed(7)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters={"rope_theta": BASE, **rope}))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(1 + 0.1 * torch.randn(p.shape) if "norm" in name else torch.randn(p.shape) / p.shape[-1] ** 0.5)
    return model.eval()


def main(folder: str) -> None:
    plain = model_of({"rope_type": "default"})
    plain.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=288, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    tokenizer.save(f"{folder}/tokenizer.json")
    ids = torch.randint(0, 288, (2, 40), generator=torch.Generator().manual_seed(3))
    out = {"made_by": "tiny_llama.py", "transformers": transformers.__version__, "torch": torch.__version__,
           "scaling": SCALING, "ids": ids.tolist()}
    for name, model in (("logits", plain), ("scaled", model_of(SCALING))):
        with torch.no_grad():
            logits = model.double()(ids).logits
        out[name] = [[round(x, 6) for x in row] for row in logits[:, [0, 1, 17, 39], ::9].reshape(-1, 32).tolist()]
    out["tokens"] = [[t, tokenizer.encode(t).ids] for t in TEXT]
    json.dump(out, open(f"{folder}/logits.json", "w"))


if __name__ == "__main__":
    main(sys.argv[1])
