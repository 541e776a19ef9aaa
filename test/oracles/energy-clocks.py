"""Sequence clock, masks and co-activation entropy by numpy, from formulas that the test writes down again.

    python test/oracles/energy-clocks.py > test/oracles/energy-clocks.json

Entropy is taken on the features' side (F x F, numpy.linalg.eigvalsh), the product takes it on the rows' side.
"""
import json

import numpy as np

R, F = 37, 12
r, f = np.meshgrid(np.arange(R), np.arange(F), indexing="ij")
code = np.maximum(0, np.sin(1.3 * r * (f + 1) + 0.7 * f) - 0.4) * (1 + f)


def entropy(rho):
    p = np.linalg.eigvalsh(rho)
    p = p[p > 1e-15]
    return float(-(p * np.log(p)).sum())


active = code[:, (code > 0).any(axis=0)]
unit = active / np.linalg.norm(active, axis=0)
cosine = unit.T @ unit / active.shape[1]
energy = active.T @ active
energy = energy / np.trace(energy)

t = np.arange(20)
q = np.maximum(0, np.cos(0.9 * t))
V = np.sin(2.1 * t) * q
T1 = (q[1:] - q[:-1]) ** 2 / 2
mass = np.abs(V[:-1]).mean() / T1.mean()
E = mass * T1 + V[:-1]
drift = E.std() / ((mass * T1).mean() + np.abs(V[:-1]).mean())

n, beta = 5, 1.7
s = np.arange(2**n)
VS = np.cos(1.1 * s) + 0.3 * np.sin(0.37 * s * s)
w = np.exp(-beta * VS)
Z = w.sum()
p = w / Z
mean = (p * VS).sum()

print(
    json.dumps(
        {
            "coactivation": {"rows": R, "features": F, "cosine": entropy(cosine), "energy": entropy(energy)},
            "motion": {
                "mass": float(mass),
                "kinetic": float((mass * T1).mean()),
                "potential": float(V[:-1].mean()),
                "energy": float(E.mean()),
                "drift": float(drift),
            },
            "masks": {
                "beta": beta,
                "freeEnergy": float(-np.log(Z) / beta),
                "energy": float(mean),
                "entropy": float(-(p * np.log(p)).sum()),
                "specificHeat": float(beta**2 * ((p * VS**2).sum() - mean**2) / n),
                "kept": [float(p[(s >> i) & 1 == 1].sum()) for i in range(n)],
            },
        },
        indent=2,
    )
)
