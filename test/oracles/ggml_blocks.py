"""Random blocks of every GGML format that is read, and the numbers in them by the Python package `gguf`.

    pip install gguf
    python ggml_blocks.py ggml_blocks.json      (bytes and float32 numbers, both as base64)
"""
import base64
import json
import sys

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

# Where the float16 scales of a block lie: random bits would make some of them infinite.
SCALES = {T.F16: [0], T.BF16: [], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}


def main(path: str) -> None:
    random = np.random.default_rng(3)
    cases = []
    for kind, scales in SCALES.items():
        elements, size = GGML_QUANT_SIZES[kind]
        count = max(512 // elements, 1)
        raw = random.integers(0, 256, (count, size), dtype=np.uint8)
        for at in scales:
            halves = (random.standard_normal(count) * 10.0 ** random.integers(-7, 3, count)).astype(np.float16)
            raw[:, at:at + 2] = halves.view(np.uint8).reshape(count, 2)
        if kind == T.BF16:
            raw = (random.standard_normal(count).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(count, 2)
        values = dequantize(raw.reshape(-1), kind).astype(np.float32)
        assert np.isfinite(values).all()
        cases.append({"type": kind.value, "name": kind.name, "bytes": base64.b64encode(raw.tobytes()).decode(),
                      "values": base64.b64encode(values.tobytes()).decode()})
    json.dump({"made_by": "ggml_blocks.py", "gguf": "0.19", "cases": cases}, open(path, "w"))


if __name__ == "__main__":
    main(sys.argv[1])
