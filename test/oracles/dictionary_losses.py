"""Loss and gradients of every dictionary kind in PyTorch (float64), written from the papers' definitions.

    python dictionary_losses.py > dictionary_losses.json
"""
import json
import torch

torch.manual_seed(7)
B, D, E, F = 7, 6, 4, 10
real = lambda *shape: torch.randn(*shape, dtype=torch.float32).double()


def start(width=D, out=D, **extra):
    p = {"W_enc_FD": 0.6 * real(F, width), "b_enc_F": 0.3 * real(F), "W_dec_FD": 0.5 * real(F, out), "b_dec_D": 0.2 * real(out)}
    p.update(extra)
    # float32 numbers, so that both sides start from the same ones
    return {name: value.float().double().requires_grad_() for name, value in p.items()}


def largest(score, k, flat=False):
    s = score.detach()
    if flat:
        return torch.zeros_like(s).flatten().scatter(0, s.flatten().topk(k).indices, 1.0).reshape(s.shape)
    return torch.zeros_like(s).scatter(-1, s.topk(k, dim=-1).indices, 1.0)


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, theta, eps):
        ctx.save_for_backward(a, theta)
        ctx.eps = eps
        return (a > theta).double()

    @staticmethod
    def backward(ctx, g):
        a, theta = ctx.saved_tensors
        kernel = ((a - theta).abs() < ctx.eps / 2).double()
        return None, (-kernel / ctx.eps * g).sum(0), None


class JumpReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, theta, eps):
        ctx.save_for_backward(a, theta)
        ctx.eps = eps
        return a * (a > theta)

    @staticmethod
    def backward(ctx, g):
        a, theta = ctx.saved_tensors
        kernel = ((a - theta).abs() < ctx.eps / 2).double()
        return (a > theta) * g, (-theta / ctx.eps * kernel * g).sum(0), None


def mse(y, out):
    return (y - out).pow(2).sum(-1).mean()


def power(f, p, form):
    f = torch.where(f > 0, f, torch.ones_like(f)).pow(p) * (f > 0)
    s = f.sum(-1)
    return (s if form == "lp^p" else s.pow(1 / p)).mean()


def dead_aux(a, e, W, dead, k_aux, form):
    read = a.relu() if form == "scaled" else a
    ranked = torch.where(dead.bool(), read.detach(), torch.tensor(-1e30).double())
    chosen = largest(ranked, k_aux) * dead
    rest = (e.detach() - (read * chosen) @ W).pow(2).sum(-1).mean()
    if form == "plain":
        return rest
    centred = e.detach() - e.detach().mean(0)
    return rest / centred.pow(2).sum(-1).mean()


cases = []


def case(name, plan, p, loss, feeds):
    value = loss(p)
    value.backward()
    cases.append({
        "name": name,
        "plan": plan,
        "feeds": {k: v.tolist() if torch.is_tensor(v) else v for k, v in feeds.items()},
        "parameters": {k: v.tolist() for k, v in p.items()},
        "loss": value.item(),
        "gradients": {k: (torch.zeros_like(v) if v.grad is None else v.grad).tolist() for k, v in p.items()},
    })


x = real(B, D)
y = real(B, E)
dead = torch.tensor([0, 1, 0, 0, 1, 0, 1, 0, 0, 0]).double()
pre = lambda p, x: x @ p["W_enc_FD"].T + p["b_enc_F"]
out = lambda p, f: f @ p["W_dec_FD"] + p["b_dec_D"]
norms = lambda p: p["W_dec_FD"].norm(dim=1)

for form in ["unit", "decoder-norm"]:
    for bias in [False, True]:
        def relu(p, form=form, bias=bias):
            f = pre(p, x - p["b_dec_D"] if bias else x).relu()
            c = norms(p) if form == "decoder-norm" else 1
            return mse(x, out(p, f)) + 0.3 * (f * c).sum(-1).mean()
        case(f"relu, {form}, pre-bias {bias}", {"architecture": "relu", "penaltyForm": form, "preBias": bias}, start(), relu, {"x_BD": x, "lambda": 0.3})

for form in ["lp", "lp^p"]:
    case(f"p-anneal, {form}", {"architecture": "p-anneal", "pForm": form}, start(),
         lambda p: (lambda f: mse(x, out(p, f)) + 0.2 * power(f, 0.7, form))(pre(p, x).relu()),
         {"x_BD": x, "lambda": 0.2, "p": 0.7, "nextP": 0.6})

for form in ["scaled", "plain"]:
    def gated(p):
        dots = x @ p["W_enc_FD"].T
        gate = dots + p["b_enc_F"]
        f = (gate > 0) * (dots * p["r_mag_F"].exp() + p["b_mag_F"]).relu()
        W, b = (p["W_dec_FD"].detach(), p["b_dec_D"].detach()) if form == "scaled" else (p["W_dec_FD"], p["b_dec_D"])
        c = norms(p) if form == "plain" else 1
        return mse(x, out(p, f)) + 0.25 * (gate.relu() * c).sum(-1).mean() + 0.8 * mse(x, gate.relu() @ W + b)
    case(f"gated, {form}", {"architecture": "gated", "auxiliaryForm": form, "penaltyForm": "decoder-norm" if form == "plain" else "unit"},
         start(r_mag_F=0.2 * real(F), b_mag_F=0.2 * real(F)), gated, {"x_BD": x, "lambda": 0.25, "auxiliary": 0.8})

for flat in [False, True]:
    for by_norm, form in [(False, "scaled"), (True, "plain")]:
        def select(p):
            a = pre(p, x)
            f = a.relu() * largest(a * norms(p) if by_norm else a, 3 * B if flat else 3, flat)
            e = x - out(p, f)
            return e.pow(2).sum(-1).mean() + 0.4 * dead_aux(a, e, p["W_dec_FD"], dead, 2, form)
        kind = "batchtopk" if flat else "topk"
        case(f"{kind}, {form}", {"architecture": kind, "byDecoderNorm": by_norm, "auxiliaryForm": form, "k": 3},
             start(), select, {"x_BD": x, "k": [3 * B if flat else 3], "auxiliary": 0.4, "dead_F": dead, "kAux": [2]})

for form in ["linear", "quadratic"]:
    def jump(p):
        a = pre(p, x)
        f = JumpReLU.apply(a, p["threshold_F"], 0.9)
        l0 = Step.apply(a, p["threshold_F"], 0.9).sum(-1)
        return mse(x, out(p, f)) + 0.15 * (l0.mean() if form == "linear" else (l0.mean() / 2.5 - 1) ** 2)
    case(f"jumprelu, {form}", {"architecture": "jumprelu", "l0Form": form, "targetL0": 2.5, "bandwidth": 0.9},
         start(threshold_F=0.3 + 0.3 * torch.rand(F)), jump, {"x_BD": x, "lambda": 0.15})


def matryoshka(p):
    a = pre(p, x)
    f = a.relu() * largest(a, 3 * B, True)
    losses = [mse(x, f[:, :g] @ p["W_dec_FD"][:g] + p["b_dec_D"]) for g in (2, 5, F)]
    e = x - out(p, f)
    return 0.5 * losses[0] + 0.3 * losses[1] + 0.7 * losses[2] + 0.4 * dead_aux(a, e, p["W_dec_FD"], dead, 2, "scaled")
case("matryoshka", {"architecture": "matryoshka", "groups": [2, 5, F], "groupWeights": [0.5, 0.3, 0.7], "k": 3}, start(), matryoshka,
     {"x_BD": x, "k": [3 * B], "auxiliary": 0.4, "dead_F": dead, "kAux": [2]})

case("transcoder, relu", {"architecture": "transcoder", "activation": "relu", "penaltyForm": "decoder-norm"}, start(out=E),
     lambda p: (lambda f: mse(y, out(p, f)) + 0.3 * (f * norms(p)).sum(-1).mean())(pre(p, x).relu()),
     {"x_BD": x, "y_BE": y, "lambda": 0.3})


def skip(p):
    a = pre(p, x)
    f = a.relu() * largest(a, 3)
    e = y - out(p, f) - x @ p["W_skip_ED"].T
    return e.pow(2).sum(-1).mean() + 0.4 * dead_aux(a, e, p["W_dec_FD"], dead, 2, "scaled")
case("skip transcoder, topk", {"architecture": "skip-transcoder", "activation": "topk", "k": 3}, start(out=E, W_skip_ED=0.4 * real(E, D)), skip,
     {"x_BD": x, "y_BE": y, "k": [3], "auxiliary": 0.4, "dead_F": dead, "kAux": [2]})


def crosscoder(p):
    f = pre(p, x).relu()
    W = p["W_dec_FD"]
    c = W[:, :4].norm(dim=1) + W[:, 4:].norm(dim=1)
    return mse(x, out(p, f)) + 0.3 * (f * c).sum(-1).mean()
case("crosscoder, relu", {"architecture": "crosscoder", "activation": "relu", "penaltyForm": "decoder-norm", "blocks": [4, 2]}, start(), crosscoder,
     {"x_BD": x, "lambda": 0.3})


def pursuit(p):
    W = p["W_dec_FD"]
    r = x - p["b_dec_D"]
    for _ in range(3):
        rows = W[(r @ W.T).detach().argmax(-1)]
        r = r - (r * rows).sum(-1, keepdim=True).relu() * rows
    return r.pow(2).sum(-1).mean()
p = start()
p = {"W_dec_FD": (p["W_dec_FD"] / p["W_dec_FD"].norm(dim=1, keepdim=True)).detach().float().double().requires_grad_(), "b_dec_D": p["b_dec_D"]}
case("matching pursuit", {"architecture": "matching-pursuit", "k": 3}, p, pursuit, {"x_BD": x})


def separated(p):
    f = pre(p, x).relu()
    on = (f > 0).double()
    w = (on.T @ on / B) * (1 - torch.eye(F))
    u = p["W_dec_FD"] / norms(p)[:, None]
    return mse(x, out(p, f)) + 0.3 * f.sum(-1).mean() + 0.6 * (w * (u @ u.T).relu() ** 2).sum()
case("relu with interference", {"architecture": "relu", "penaltyForm": "unit", "interference": 0.6}, start(), separated, {"x_BD": x, "lambda": 0.3})

print(json.dumps({"torch": torch.__version__.split("+")[0], "sizes": {"rows": B, "width": D, "outputWidth": E, "features": F}, "cases": cases}))
