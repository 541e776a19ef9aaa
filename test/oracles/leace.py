"""Erased rows by the `concept-erasure` package (Belrose et al. 2023): writes leace.json beside this file.

pip install concept-erasure; python leace.py
"""
import json
from pathlib import Path

import torch
from concept_erasure import LeaceFitter

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
rows, width, classes = 60, 5, 3
labels = torch.randint(0, classes, (rows,))
one_hot = torch.nn.functional.one_hot(labels, classes).double()
x = torch.randn(rows, width) @ torch.randn(width, width) + one_hot @ torch.randn(classes, width) * 2 + 1
fitter = LeaceFitter(width, classes, dtype=torch.float64, shrinkage=False, svd_tol=1e-8)
fitter.update(x, one_hot)
erased = fitter.eraser(x)
document = {
    "width": width,
    "x_ND": [round(v, 12) for v in x.flatten().tolist()],
    "labels_N": labels.tolist(),
    "erased_ND": [round(v, 12) for v in erased.flatten().tolist()],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(document) + "\n")
