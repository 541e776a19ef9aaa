"""Numbers for test/edits/bias: group figures, calibration, a penalised logistic regression, a BCa interval, a hypervolume.

Independent formulas with numpy and scipy; writes bias_metrics.json beside this file.
"""
import json
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.stats import bootstrap, t

rng = np.random.default_rng(5)
n = 60
y = rng.integers(0, 2, n)
z = rng.integers(0, 2, n)
p = np.round(np.clip(0.5 + 0.3 * (y - 0.5) + 0.35 * (z - 0.5) + 0.2 * rng.standard_normal(n), 0.01, 0.99), 4)
pred = (p > 0.5).astype(int)
acc = {(a, b): np.mean(pred[(y == a) & (z == b)] == a) for a, b in product((0, 1), (0, 1))}
gender = {(a, b): np.mean(pred[(y == a) & (z == b)] == b) for a, b in product((0, 1), (0, 1))}
gap = [acc[(a, 1)] - acc[(a, 0)] for a in (0, 1)]
w = np.array([1 / np.sum((y == a) & (z == b)) for a, b in zip(y, z)])
conf = np.maximum(p, 1 - p)
right = (pred == y).astype(float)
ece = 0.0
for low in np.arange(10) / 10:
    inside = (conf > low) & (conf <= low + 0.1 + 1e-12)
    if inside.any():
        ww = w[inside]
        ece += ww.sum() / w.sum() * abs(np.average(right[inside], weights=ww) - np.average(conf[inside], weights=ww))

N, D = 50, 6
x = np.round(rng.standard_normal((N, D)) * [1, 3, 0.2, 1, 1, 5] + [0, 10, 0, 0, -2, 0], 3)
labels = (x[:, 0] + 0.3 * x[:, 1] - 3 + rng.standard_normal(N) > 0).astype(int)
mean, sd = x.mean(0), x.std(0)
s = (x - mean) / sd


def loss(v):
    logit = s @ v[:D] + v[D]
    return np.mean(np.logaddexp(0, logit) - labels * logit) + 0.5 / N * np.sum(v[:D] ** 2)


fit = minimize(loss, np.zeros(D + 1), method="BFGS", options={"gtol": 1e-10})
w_raw = fit.x[:D] / sd
b_raw = fit.x[D] - w_raw @ mean

values = np.round(rng.gamma(2.0, 1.0, 40), 4)
ci = bootstrap((values,), np.mean, n_resamples=20000, method="BCa", random_state=1).confidence_interval

points = [[0.1, 0.8, 0.3], [0.5, 0.2, 0.4], [0.7, 0.7, 0.05], [0.6, 0.9, 0.9], [0.2, 0.3, 0.8]]
grid = (np.arange(200) + 0.5) / 200
A, B, C = np.meshgrid(grid, grid, grid, indexing="ij")
covered = np.zeros(A.shape, bool)
for a, b, c in points:
    covered |= (A > a) & (B > b) & (C > c)

out = {
    "outcome": y.tolist(),
    "protected": z.tolist(),
    "p": p.tolist(),
    "fieldAccuracy": float(np.mean(list(acc.values()))),
    "genderAccuracy": float(np.mean(list(gender.values()))),
    "worstGroup": float(min(acc.values())),
    "tprGap": float(np.sqrt(np.mean(np.square(gap)))),
    "ece": float(ece),
    "brier": float(np.average((p - y) ** 2, weights=w)),
    "probe": {"x": x.tolist(), "labels": labels.tolist(), "w": w_raw.tolist(), "b": float(b_raw)},
    "bca": {"values": values.tolist(), "mean": float(values.mean()), "low": float(ci.low), "high": float(ci.high)},
    "student": {str(k): float(t.ppf(0.975, k)) for k in (1, 2, 9, 29)},
    "hypervolume": {"points": points, "volume": float(covered.mean())},
}
Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")
