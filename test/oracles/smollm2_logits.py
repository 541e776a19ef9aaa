"""Logits of SmolLM2-135M-Instruct (Q4_1) by PyTorch and transformers, which dequantise the same GGUF themselves.

    pip install torch transformers gguf accelerate tokenizers
    python smollm2_logits.py FOLDER_OF_THE_GGUF > ../../src/models/reference/smollm2_logits.json

The numbers lie in src/ because `untangle check models` compares with them on the user's machine too.

The token ids come from the Rust `tokenizers` library (see smollm2_tokens.py), not from transformers' GGUF converter.
"""
import json
import random
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM

from smollm2_tokens import FILE, tokenizer_of

PROMPTS = [
    "When Mary and John went to the store, John gave a drink to",
    "After Anna and Peter had dinner, Anna handed the keys to",
    "The capital of France is",
    "Once upon a time, there was a little girl named",
    "The nurse was tired because",
    "The keys to the cabinet",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "import numpy as np\n\nx = np.zeros((3, 4))\nprint(x.",
    "SELECT name, count(*) FROM people WHERE age > 30 GROUP",
    "2 + 2 = 4, 3 + 3 = 6, 4 + 4 =",
    "3.14159265358979",
    "The year 1984 was followed by the year 198",
    "<|im_start|>user\nWhat is the largest planet?<|im_end|>\n<|im_start|>assistant\n",
    "Water boils at 100 degrees",
    "In the beginning God created the heaven and the",
    "Der schnelle braune Fuchs springt über den faulen",
    "To be, or not to be, that is the",
    "The mitochondria is the powerhouse of the cell. It makes ATP, which the cell uses for energy. Enzymes are proteins "
    "that speed up chemical reactions. Photosynthesis takes place in the chloroplasts of plants, where light is turned into",
    "  indented text with   many   spaces and\ttabs\n\n\nthen",
    "A",
]


def main(folder: str) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
    model.eval()
    tokenizer = tokenizer_of(f"{folder}/{FILE}")
    fixed = sorted(random.Random(0).sample(range(49152), 200))
    rows = []
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt, add_special_tokens=False).ids
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        top = torch.topk(logits, 50).indices.tolist()
        some = sorted(set(top) | set(fixed))
        rows.append(
            {
                "prompt": prompt,
                "ids": ids,
                "top5": top[:5],
                "tokens": some,
                "logits": [round(float(logits[i]), 5) for i in some],
            }
        )
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    json.dump({"made_by": "smollm2_logits.py", "versions": versions, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
