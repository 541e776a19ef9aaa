"""The batched PyTorch loop for toy models of superposition: all instances in one tensor, as in the notebook of Elhage
et al. 2022. One line of JSON in, one line of JSON out: {"setup": {...}}, {"train": steps}.
"""

import json
import sys
import time

import torch


class Toys:
    def __init__(self, s):
        torch.set_num_threads(s["threads"])
        torch.manual_seed(0)
        self.s = s
        i, n, m = s["instances"], s["features"], s["neurons"]
        self.W = torch.nn.Parameter(torch.randn(i, n, m) * (2 / (n + m)) ** 0.5)
        self.b = torch.nn.Parameter(torch.zeros(i, 1, n))
        self.optimiser = torch.optim.Adam([self.W, self.b], lr=s["learningRate"], fused=True)

    def step(self):
        s = self.s
        shape = (s["instances"], s["batch"], s["features"])
        x = torch.where(torch.rand(shape) < 1 - s["sparsity"], torch.rand(shape), torch.zeros(()))
        self.optimiser.zero_grad(set_to_none=True)
        y = torch.relu(torch.baddbmm(self.b, torch.bmm(x, self.W), self.W.transpose(1, 2)))
        per_instance = ((x - y) ** 2).mean(dim=(1, 2))
        per_instance.sum().backward()
        self.optimiser.step()
        return per_instance


toys = None
for line in sys.stdin:
    command = json.loads(line)
    if "setup" in command:
        toys = Toys(command["setup"])
        for _ in range(5):
            toys.step()
        toys = Toys(command["setup"])
        answer = {}
    else:
        steps = command["train"]
        losses = []
        began = time.perf_counter()
        for _ in range(steps):
            losses.append(toys.step().detach())
        took = time.perf_counter() - began
        means = torch.stack(losses).mean(dim=1)
        curve = [piece.mean().item() for piece in means.split(25)]
        answer = {"seconds": took, "steps": steps, "curve": curve}
    print(json.dumps(answer), flush=True)
