"""Parameters after 30 steps of PyTorch's optimisers on f(x) = sum cosh(x_i + x_{i+1} / 2): prints optimisers.json."""
import json

import torch

START = [1.0, -0.5, 0.8]
STEPS = 30
OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "heavy-ball": lambda p: torch.optim.SGD(p, lr=0.04, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.04, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.03, betas=(0.8, 0.95), eps=1e-6),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.03, weight_decay=0.2),
}

result = {"torch": torch.__version__.split("+")[0], "start": START, "steps": STEPS, "ends": {}}
for name, make in OPTIMISERS.items():
    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimiser = make([x])
    for _ in range(STEPS):
        optimiser.zero_grad()
        torch.cosh(x + torch.roll(x, -1) / 2).sum().backward()
        optimiser.step()
    result["ends"][name] = x.tolist()
print(json.dumps(result, indent=2))
