"""SciPy or diffrax as a process: reads one JSON command a line from standard input, answers with one JSON line.

{"problem": {...}} sets the initial state; {"solve": {"method", "setting", "seconds"}} integrates it to the end time
again and again for that many seconds and answers the mean seconds of one solution, its steps and its last state.
`setting` is rtol = atol of an adaptive method, or the step of a fixed one. Pendulum and Kepler have unit mass; the
bodies are softened, G = 1. The pendulum's force is written with scalars for SciPy, the fastest way there; the bodies'
force is vectorised for both.
"""

import json
import math
import sys
import time

import numpy as np


def bodies_force_numpy(mass, softening):
    def acceleration(x):
        d = x[None, :, :] - x[:, None, :]
        r2 = np.einsum("ijk,ijk->ij", d, d) + softening * softening
        w = mass[None, :] / (r2 * np.sqrt(r2))
        return np.einsum("ij,ijk->ik", w, d)

    return acceleration


class SciPy:
    """solve_ivp (DOP853, RK45) and odeint (LSODA driven from compiled code: faster than solve_ivp's LSODA)."""

    def problem(self, s):
        q, p = np.array(s["q"]), np.array(s["p"])
        self.end = s["end"]
        if s["name"] == "pendulum":
            sin = math.sin
            self.y0 = np.array([q[0], p[0]])
            self.f = lambda t, y: (y[1], -sin(y[0]))
            self.split = lambda y: ([y[0]], [y[1]])
        else:
            mass = np.array(s["mass"])
            n = len(mass)
            acceleration = bodies_force_numpy(mass, s["softening"])
            self.y0 = np.concatenate([q, p / np.repeat(mass, 3)])

            def f(t, y):
                out = np.empty_like(y)
                out[: 3 * n] = y[3 * n :]
                out[3 * n :] = acceleration(y[: 3 * n].reshape(n, 3)).ravel()
                return out

            self.f = f
            self.split = lambda y: (list(y[: 3 * n]), list(y[3 * n :] * np.repeat(mass, 3)))

    def once(self, method, setting):
        from scipy.integrate import odeint, solve_ivp

        if method == "odeint":
            y, info = odeint(
                self.f, self.y0, [0.0, self.end], rtol=setting, atol=setting, tfirst=True, full_output=True,
                mxstep=10**8,
            )
            return y[-1], int(info["nst"][-1]), int(info["nfe"][-1])
        r = solve_ivp(self.f, (0.0, self.end), self.y0, method=method, rtol=setting, atol=setting, t_eval=[self.end])
        stages = {"DOP853": 12, "RK45": 6}[method]
        return r.y[:, -1], int(r.nfev) // stages, int(r.nfev)


class Diffrax:
    """diffeqsolve compiled by XLA for the processor, float64: Dopri8, Tsit5, Dopri5 with a PID step controller."""

    def problem(self, s):
        import jax

        jax.config.update("jax_enable_x64", True)
        import diffrax
        import jax.numpy as jnp

        self.jax, self.diffrax = jax, diffrax
        self.end = s["end"]
        q, p = jnp.array(s["q"]), jnp.array(s["p"])
        if s["name"] == "pendulum":
            self.y0 = (q[0], p[0])
            self.f = lambda t, y, args: (y[1], -jnp.sin(y[0]))
            self.split = lambda y: ([float(y[0])], [float(y[1])])
        else:
            mass = jnp.array(s["mass"])
            eps2 = s["softening"] ** 2
            x, v = q.reshape(-1, 3), p.reshape(-1, 3) / mass[:, None]

            def f(t, y, args):
                x, v = y
                d = x[None, :, :] - x[:, None, :]
                r2 = jnp.sum(d * d, axis=-1) + eps2
                w = mass[None, :] / (r2 * jnp.sqrt(r2))
                return v, jnp.einsum("ij,ijk->ik", w, d)

            self.f = f
            self.y0 = (x, v)
            self.split = lambda y: (
                np.asarray(y[0]).ravel().tolist(),
                np.asarray(y[1] * mass[:, None]).ravel().tolist(),
            )
        self.compiled = {}

    def once(self, method, setting):
        diffrax = self.diffrax
        if method not in self.compiled:
            solver = getattr(diffrax, method)()

            @self.jax.jit
            def solve(y0, tolerance):
                return diffrax.diffeqsolve(
                    diffrax.ODETerm(self.f), solver, 0.0, self.end, None, y0,
                    stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
                    saveat=diffrax.SaveAt(t1=True), max_steps=None,
                )

            self.compiled[method] = solve
        r = self.compiled[method](self.y0, setting)
        y = self.jax.tree.map(lambda a: a[-1].block_until_ready(), r.ys)
        return y, int(r.stats["num_steps"]), 0


peer = {"scipy": SciPy, "diffrax": Diffrax}[sys.argv[1]]()
for line in sys.stdin:
    command = json.loads(line)
    if "problem" in command:
        peer.problem(command["problem"])
        answer = {}
    else:
        s = command["solve"]
        peer.once(s["method"], s["setting"])  # compiles, fills caches
        began = time.perf_counter()
        runs = 0
        while True:
            y, steps, forces = peer.once(s["method"], s["setting"])
            runs += 1
            took = time.perf_counter() - began
            if took >= s["seconds"]:
                break
        q, p = peer.split(y)
        answer = {"seconds": took / runs, "steps": steps, "forces": forces, "q": q, "p": p}
    print(json.dumps(answer), flush=True)
