"""Greedy texts of SmolLM2-135M-Instruct (Q4_1) by transformers' generate(), which dequantises the same GGUF itself.

    pip install torch transformers gguf accelerate tokenizers jinja2
    python smollm2_generation.py FOLDER_OF_THE_GGUF > smollm2_generation.json

`margin` is the least difference of the two largest logits on the way: below it two implementations may part ways.
Conversations go through apply_chat_template with the template that the GGUF carries.
"""
import json
import sys

import torch
import transformers
from gguf import GGUFReader
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from smollm2_tokens import FILE, tokenizer_of

PROMPTS = ["The capital of France is", "Once upon a time, there was a little girl named", "def fibonacci(n):\n"]
CHATS = [
    [{"role": "user", "content": "What is the largest planet?"}],
    [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": "Who wrote Hamlet?"},
        {"role": "assistant", "content": "William Shakespeare."},
        {"role": "user", "content": "When did he die?"},
    ],
]
COUNT = 32


def main(folder: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    path = f"{folder}/{FILE}"
    fields = GGUFReader(path).fields
    template = bytes(fields["tokenizer.chat_template"].parts[-1]).decode()
    eos = int(fields["tokenizer.ggml.eos_token_id"].parts[-1][0])
    backend: Tokenizer = tokenizer_of(path)
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template)
    texts = [(prompt, None) for prompt in PROMPTS] + [
        (fast.apply_chat_template(chat, tokenize=False, add_generation_prompt=True), chat) for chat in CHATS
    ]
    rows = []
    for text, chat in texts:
        ids = backend.encode(text, add_special_tokens=False).ids
        with torch.no_grad():
            out = model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=COUNT,
                do_sample=False, eos_token_id=eos, pad_token_id=eos, repetition_penalty=1.0,
                output_logits=True, return_dict_in_generate=True,
            )
        made = out.sequences[0, len(ids):].tolist()
        margin = min(float(l[0].topk(2).values.diff().abs()) for l in out.logits)
        if made and made[-1] == eos:
            made = made[:-1]
        rows.append({
            "prompt": text, **({"messages": chat} if chat else {}), "ids": ids, "generated": made,
            "ended": "length" if len(made) == COUNT else "stop", "margin": round(margin, 4),
        })
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    json.dump({"made_by": "smollm2_generation.py", "versions": versions, "count": COUNT, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
