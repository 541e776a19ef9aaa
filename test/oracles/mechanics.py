"""Trajectories of the built-in mechanical systems by SciPy's DOP853, from equations written down a second time here.

Run: python test/oracles/mechanics.py > test/oracles/mechanics.json   (needs numpy and scipy)
"""
import json

import numpy as np
import scipy
from scipy.integrate import solve_ivp


def double_pendulum(_t, y):
    # Angular form with unit masses, lengths and gravity: theta'' solved from the 2 x 2 mass matrix.
    a, b, p, r = y
    c, s = np.cos(a - b), np.sin(a - b)
    mass = np.array([[2.0, c], [c, 1.0]])
    v, w = np.linalg.solve(mass, [p, r])
    return [v, w, -v * w * s - 2 * np.sin(a), v * w * s - np.sin(b)]


def kepler(_t, y):
    r3 = np.hypot(y[0], y[1]) ** 3
    return [y[2], y[3], -y[0] / r3, -y[1] / r3]


def three_bodies(_t, y):
    q = y[:9].reshape(3, 3)
    f = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if i != j:
                d = q[j] - q[i]
                f[i] += d / np.linalg.norm(d) ** 3
    return np.concatenate([y[9:], f.ravel()])


def henon_heiles(_t, y):
    q, r, u, v = y
    return [u, v, -q - 2 * q * r, -r - q * q + r * r]


def double_well(_t, y):
    return [y[1], -4 * y[0] * (y[0] ** 2 - 1)]


def coupled_oscillators(_t, y):
    k = np.array([[2, -1, 0], [-1, 2, -1], [0, -1, 2]])
    return np.concatenate([y[3:], -k @ y[:3]])


def toda(_t, y):
    q = y[:3]
    e = np.exp(q - np.roll(q, -1))
    return np.concatenate([y[3:], np.roll(e, 1) - e])


def charged_particle(_t, y):
    # Newton's equations with the Lorentz force, B = (1 + 0.1 x) along z; y = position, velocity.
    field = 1 + 0.1 * y[0]
    return [y[3], y[4], y[5], y[4] * field, -y[3] * field, 0.0]


def canonical(y):
    # Momentum p = v + A with A = (-y/2, (x + 0.1 x^2)/2, 0).
    x, z = y[0], y[1]
    return [y[0], y[1], y[2], y[3] - z / 2, y[4] + (x + 0.1 * x * x) / 2, y[5]]


def rigid_body(_t, y):
    return np.cross(y, y / np.array([1.0, 2.0, 3.0]))


def damped_pendulum(_t, y):
    return [y[1], -np.sin(y[0]) - 0.1 * y[1]]


def pendulum(_t, y):
    return [y[1], -np.sin(y[0])]


def main():
    x, y = 0.97000436, -0.24308753
    u, v = -0.93240737, -0.86473146
    eight = [x, y, 0, -x, -y, 0, 0, 0, 0, -u / 2, -v / 2, 0, -u / 2, -v / 2, 0, u, v, 0]
    # Start of the charge: canonical momentum (0, 1, 0.1) at (1, 0, 0) is velocity (0, 1 - 0.55, 0.1).
    problems = {
        "pendulum": (pendulum, [np.pi / 2, 0], 10),
        "damped-pendulum": (damped_pendulum, [np.pi / 2, 0], 10),
        "double-pendulum": (double_pendulum, [2, 2, 0, 0], 3),
        "kepler": (kepler, [0.4, 0, 0, 2], 10),
        "n-body": (three_bodies, eight, 3),
        "henon-heiles": (henon_heiles, [0, 0.1, 0.3, 0], 10),
        "double-well": (double_well, [1, 1], 10),
        "coupled-oscillators": (coupled_oscillators, [1, 0, 0, 0, 0, 0], 10),
        "toda-lattice": (toda, [0.5, 0, -0.5, 1, -0.3, -0.7], 10),
        "charged-particle": (charged_particle, [1, 0, 0, 0, 1 - 0.55, 0.1], 10),
        "rigid-body": (rigid_body, [0.1, 1, 0.1], 10),
    }
    result = {"scipy": scipy.__version__, "method": "DOP853, rtol 1e-13, atol 1e-14", "ends": {}}
    for name, (rates, start, time) in problems.items():
        end = solve_ivp(rates, (0, time), np.array(start, float), "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
        result["ends"][name] = {"time": time, "end": list(canonical(end) if name == "charged-particle" else end)}
    print(json.dumps(result, indent=1))


main()
