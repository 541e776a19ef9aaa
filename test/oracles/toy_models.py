"""Exact expected losses and gradients of small ReLU toy models, by sums over active sets and corners of cubes.

Prints toy_models.json. E[(b + a.x)_+^2] over the unit cube of k active features is 2 / ((k+2)! prod a) times the
alternating sum of (b + a.v)_+^(k+2) over its corners v; E[x_i (b + a.x)_+] is half its derivative by a_i. PyTorch's
autograd gives both that derivative and the gradients by weights and biases (float64).
"""
import itertools
import json
import math

import torch

torch.set_default_dtype(torch.float64)


def squares(b, a, S):
    """E[u_+^2] of u = b + sum a_j x_j, x_j = 0 with probability S, else uniform."""
    n = len(a)
    total = 0.0
    for k in range(n + 1):
        for active in itertools.combinations(range(n), k):
            sum_ = 0.0
            for corner in itertools.product((0, 1), repeat=k):
                u = b + sum(a[j] for j, v in zip(active, corner) if v)
                sum_ = sum_ + (-1) ** (k - sum(corner)) * torch.clamp(u, min=0) ** (k + 2)
            volume = 1.0
            for j in active:
                volume = volume * a[j]
            total = total + S ** (n - k) * (1 - S) ** k * 2 / math.factorial(k + 2) * sum_ / volume
    return total


def loss(W, b, S, importance):
    n = len(b)
    value = 0.0
    for i in range(n):
        a = [(W[i] * W[j]).sum() for j in range(n)]
        # The derivative by a_i alone, not by the weights behind it.
        free = [x.clone() for x in a]
        s = squares(b[i], free, S)
        (cross,) = torch.autograd.grad(s, free[i], create_graph=True)
        value = value + importance[i] / n * ((1 - S) / 3 - cross + s)
    return value


cases = []
for n, m, S, seed in [(2, 1, 0.9, 0), (3, 2, 0.5, 1), (3, 2, 0.0, 2), (4, 2, 0.8, 3), (5, 2, 0.9, 4)]:
    torch.manual_seed(seed)
    W = torch.randn(n, m) * 0.8
    b = torch.randn(n) * 0.2
    importance = [0.9**i for i in range(n)]
    W.requires_grad_(True)
    b.requires_grad_(True)
    value = loss(W, b, S, importance)
    gW, gb = torch.autograd.grad(value, (W, b))
    cases.append({
        "features": n, "neurons": m, "sparsity": S, "importance": importance, "W": W.flatten().tolist(),
        "b": b.tolist(), "loss": value.item(), "gradient": gW.flatten().tolist() + gb.tolist(),
    })
print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, indent=1))
