"""The plain PyTorch loop: all node effects at all sites of a Pythia shape, as published, with forward hooks and autograd.

`python peer.py prepare FOLDER SETTINGS` writes the random model, dictionaries and pairs. Without arguments it is a process of
the benchmark. Weights need no gradients; clean and patch states are read without a graph; a site's line goes at one
site at a time through the whole network, its dictionary decoding at every point, as in Marks et al. 2024, App. A.
"""

import json
import sys

import torch

import common

STEPS = 10


class Peer:
    def setup(self, s):
        self.batch = s["batch"]
        self.model, self.weights, self.pairs = common.load(s["folder"])
        self.model.requires_grad_(False)
        self.places = common.submodules(self.model)
        return {}

    def encode(self, name, x):
        w = self.weights[name]
        return torch.relu(torch.nn.functional.linear(x, w["W_enc"], w["b_enc"]))

    def decode(self, name, f):
        return f @ self.weights[name]["W_dec"]

    def metric(self, tokens, answer, wrong):
        logits = self.model(tokens).logits[:, -1]
        rows = torch.arange(len(tokens))
        return logits[rows, answer] - logits[rows, wrong]

    def states(self, tokens, answer, wrong):
        """Features and error of every site."""
        found = {}

        def read(name):
            def hook(_, __, out):
                x = common.first(out)
                f = self.encode(name, x)
                found[name] = f, x - self.decode(name, f)

            return hook

        hooks = [m.register_forward_hook(read(name)) for name, m in self.places.items()]
        with torch.no_grad():
            self.metric(tokens, answer, wrong)
        for hook in hooks:
            hook.remove()
        return found

    def replacing(self, name, value):
        def hook(_, __, out):
            return (value, *out[1:]) if isinstance(out, tuple) else value

        return self.places[name].register_forward_hook(hook)

    def ig(self, tokens, patch, answer, wrong):
        clean, patched = self.states(tokens, answer, wrong), self.states(patch, answer, wrong)
        for name in self.places:
            (f0, e0), (f1, e1) = clean[name], patched[name]
            grad_f, grad_e = torch.zeros_like(f0), torch.zeros_like(e0)
            for j in range(STEPS):
                f = ((1 - j / STEPS) * f0 + j / STEPS * f1).requires_grad_(True)
                e = ((1 - j / STEPS) * e0 + j / STEPS * e1).requires_grad_(True)
                hook = self.replacing(name, self.decode(name, f) + e)
                d = torch.autograd.grad(self.metric(tokens, answer, wrong).sum(), (f, e))
                hook.remove()
                grad_f += d[0] / STEPS
                grad_e += d[1] / STEPS
            yield name, grad_f * (f1 - f0), (grad_e * (e1 - e0)).sum(-1)

    def attrib(self, tokens, patch, answer, wrong):
        """All dictionaries spliced in at once; the gradient passes them by (straight through)."""
        kept = {}

        def splice(name):
            def hook(_, __, out):
                x = common.first(out)
                f = self.encode(name, x.detach()).requires_grad_(True)
                x_hat = self.decode(name, f)
                e = (x - x_hat).detach().requires_grad_(True)
                kept[name] = f, e
                # The value is x; f and e get gradients, x its own.
                y = x + (x_hat + e) - (x_hat + e).detach()
                return (y, *out[1:]) if isinstance(out, tuple) else y

            return hook

        hooks = [m.register_forward_hook(splice(name)) for name, m in self.places.items()]
        value = self.metric(tokens, answer, wrong).sum()
        for hook in hooks:
            hook.remove()
        inputs = [part for pair in kept.values() for part in pair]
        grads = torch.autograd.grad(value, inputs)
        patched = self.states(patch, answer, wrong)
        for i, name in enumerate(self.places):
            (f0, e0), (f1, e1) = kept[name], patched[name]
            yield name, grads[2 * i] * (f1 - f0.detach()), (grads[2 * i + 1] * (e1 - e0.detach())).sum(-1)

    def run(self, method, start, end):
        sums = {name: [0.0, 0.0] for name in self.places}
        for at in range(start, end, self.batch):
            rows = slice(at, min(end, at + self.batch))
            args = [self.pairs[name][rows] for name in ("clean", "patch", "answer", "wrong")]
            # IE is m(patched) - m(clean).
            for name, features, errors in getattr(self, method)(*args):
                sums[name][0] += features.sum().item()
                sums[name][1] += errors.sum().item()
        return sums


if __name__ == "__main__":
    protocol = common.protocol()
    if sys.argv[1:2] == ["prepare"]:
        common.prepare(sys.argv[2], json.loads(sys.argv[3]))
    else:
        peer = Peer()
        common.serve(protocol, peer.setup, peer.run)
