"""Reference for models/tiny: ids of the Python package tokenizers, logits of transformers' LlamaForCausalLM in float32.

Run in the repository root: python test/oracles/tiny_model.py (needs tokenizers, torch, transformers). Writes tiny_model.json.
"""

import json

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

FOLDER = "models/tiny"
TEXTS = [
    "The President of the United States",
    "Call me Ishmael. Some years ago—never mind how long precisely—",
    "In 1865 the debt was $2,845,907,626.56; in 1881 it is less.",
    "whales' and don't and I'll and we've",
    "  two spaces,\ttabs\n\nand new lines   ",
    "naïve café 中文 🐳 ﷽ ٣٤",
    "<|endoftext|>The keys near the cabinet are",
    "",
]

tokenizer = Tokenizer.from_file(f"{FOLDER}/tokenizer.json")
with open(f"{FOLDER}/held-out.jsonl", encoding="utf8") as lines:
    TEXTS += [json.loads(line)["text"][:2000] for line in lines]

ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
model = LlamaForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
prompt = [0] + ids[0]
with torch.no_grad():
    logits = model(torch.tensor([prompt])).logits[0, -1]

result = {
    "what": "token ids and last logits of models/tiny by tokenizers and transformers",
    "command": "python test/oracles/tiny_model.py",
    "texts": TEXTS[:8],
    "ids": ids[:8],
    "heldOutIds": ids[8:],
    "prompt": prompt,
    "logits": [round(float(x), 6) for x in logits],
}
with open("test/oracles/tiny_model.json", "w", encoding="utf8") as file:
    json.dump(result, file, ensure_ascii=False)
    file.write("\n")
