"""Gradients and second derivatives of ONNX operators by PyTorch, in float64: writes operators.json beside this file.

Each case is a small ONNX graph (nodes, inputs, constants) and the same function in torch. Inputs are numbers of three
decimals. For a random cotangent c and direction v the file holds y = f(x), the gradient g = ∂⟨c, y⟩/∂x and the second
derivative ∂⟨g, v⟩/∂x. Needs: torch (CPU). Run: python test/oracles/operators.py
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(20)
CASES = []


def attribute(value):
    if isinstance(value, bool):
        return {"int": int(value)}
    if isinstance(value, int):
        return {"int": value}
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, str):
        return {"string": value}
    return {"ints" if all(isinstance(v, int) for v in value) else "floats": list(value)}


def node(op, inputs, outputs=("y",), domain="", **attributes):
    return {
        "op": op,
        "domain": domain,
        "inputs": list(inputs),
        "outputs": list(outputs),
        "attributes": {key: attribute(value) for key, value in attributes.items()},
    }


def numbers(tensor):
    return [float(f"{v:.11g}") for v in (tensor.detach().double() + 0).flatten().tolist()]


def normal(shape):
    return torch.randn(shape, dtype=torch.float64)


def positive(shape):
    return 0.5 + torch.rand(shape, dtype=torch.float64)


def off_zero(shape):
    """Away from the kinks at 0 and ±1."""
    return torch.sign(torch.randn(shape)).double() * (0.2 + 0.6 * torch.rand(shape, dtype=torch.float64))


def small(shape):
    return 0.6 * (2 * torch.rand(shape, dtype=torch.float64) - 1)


def above_one(shape):
    return 1.5 + torch.rand(shape, dtype=torch.float64)


def apart(shape):
    """All different by 0.05 or more."""
    count = math.prod(shape)
    return (torch.randperm(count).double() * 0.06 - 0.03 * count).reshape(shape)


def case(name, nodes, shapes, f, draw=normal, fixed=None, opset=18):
    """`shapes`: of the inputs that move; `fixed`: constants; `f`: the same in torch, of the moving inputs in order."""
    nodes = [nodes] if isinstance(nodes, dict) else nodes
    draws = draw if isinstance(draw, dict) else {key: draw for key in shapes}
    xs = {key: (draws.get(key, normal)(shape) * 1000).round() / 1000 for key, shape in shapes.items()}
    xs = {key: x.clone().requires_grad_() for key, x in xs.items()}
    y = f(*xs.values())
    c = (normal(y.shape) * 1000).round() / 1000
    v = {key: (normal(x.shape) * 1000).round() / 1000 for key, x in xs.items()}
    g = torch.autograd.grad((c * y).sum(), list(xs.values()), create_graph=True, allow_unused=True)
    g = [torch.zeros_like(x) if gi is None else gi for gi, x in zip(g, xs.values())]
    along = sum((gi * vi).sum() for gi, vi in zip(g, v.values()))
    second = [None] * len(g)
    if along.requires_grad:
        second = torch.autograd.grad(along, list(xs.values()), allow_unused=True)
    second = [torch.zeros_like(x) if s is None else s for s, x in zip(second, xs.values())]
    constants = {}
    for key, value in (fixed or {}).items():
        dtype = {
            torch.int64: "int64",
            torch.bool: "bool",
            torch.float64: "float",
            torch.float32: "float32",
        }[value.dtype]
        constants[key] = {"dtype": dtype, "shape": list(value.shape), "data": numbers(value)}
    CASES.append(
        {
            "name": name,
            "opset": opset,
            "nodes": nodes,
            "fixed": constants,
            "inputs": {key: {"shape": list(x.shape), "data": numbers(x)} for key, x in xs.items()},
            "result": {"shape": list(y.shape), "data": numbers(y)},
            "cotangent": numbers(c),
            "direction": {key: numbers(vi) for key, vi in v.items()},
            "gradient": {key: numbers(gi) for key, gi in zip(xs, g)},
            "second": {key: numbers(si) for key, si in zip(xs, second)},
        }
    )


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


def scalar(value):
    return torch.tensor(value, dtype=torch.float64)


# Functions of one variable
unary = {
    "Neg": (torch.neg, normal, {}),
    "Exp": (torch.exp, normal, {}),
    "Log": (torch.log, positive, {}),
    "Sqrt": (torch.sqrt, positive, {}),
    "Reciprocal": (torch.reciprocal, positive, {}),
    "Tanh": (torch.tanh, normal, {}),
    "Sigmoid": (torch.sigmoid, normal, {}),
    "Erf": (torch.erf, normal, {}),
    "Relu": (torch.relu, off_zero, {}),
    "LeakyRelu": (lambda x: F.leaky_relu(x, 0.25), off_zero, {"alpha": 0.25}),
    "Elu": (lambda x: F.elu(x, 1.5), off_zero, {"alpha": 1.5}),
    "Selu": (F.selu, off_zero, {}),
    "Celu": (lambda x: F.celu(x, 0.5), off_zero, {"alpha": 0.5}),
    "ThresholdedRelu": (lambda x: F.threshold(x, 0.1, 0.0), off_zero, {"alpha": 0.1}),
    "HardSigmoid": (lambda x: (x / 6 + 0.5).clamp(0, 1), normal, {"alpha": 1 / 6, "beta": 0.5}),
    "HardSwish": (lambda x: x * (x / 6 + 0.5).clamp(0, 1), normal, {}),
    "Softplus": (F.softplus, normal, {}),
    "Softsign": (F.softsign, off_zero, {}),
    "Mish": (F.mish, normal, {}),
    "Abs": (torch.abs, off_zero, {}),
    "Sin": (torch.sin, normal, {}),
    "Cos": (torch.cos, normal, {}),
    "Tan": (torch.tan, small, {}),
    "Asin": (torch.asin, small, {}),
    "Acos": (torch.acos, small, {}),
    "Atan": (torch.atan, normal, {}),
    "Sinh": (torch.sinh, normal, {}),
    "Cosh": (torch.cosh, normal, {}),
    "Asinh": (torch.asinh, normal, {}),
    "Acosh": (torch.acosh, above_one, {}),
    "Atanh": (torch.atanh, small, {}),
    "Identity": (lambda x: x * 1, normal, {}),
    "Gelu": (F.gelu, normal, {}),
    "Swish": (F.silu, normal, {}),
}
for op, (f, draw, attributes) in unary.items():
    opset = {"Gelu": 20, "Swish": 24}.get(op, 18)
    case(op, node(op, ["x"], **attributes), {"x": [2, 5]}, f, draw, opset=opset)
case("Gelu, tanh", node("Gelu", ["x"], approximate="tanh"), {"x": [9]}, lambda x: F.gelu(x, approximate="tanh"), opset=20)
case("Gelu of onnxruntime", node("Gelu", ["x"], domain="com.microsoft"), {"x": [9]}, F.gelu)
case(
    "QuickGelu",
    node("QuickGelu", ["x"], domain="com.microsoft", alpha=1.702),
    {"x": [9]},
    lambda x: x * torch.sigmoid(torch.tensor(1.702, dtype=torch.float32).double() * x),
)
case("Shrink", node("Shrink", ["x"], lambd=0.15, bias=0.0), {"x": [8]}, lambda x: F.hardshrink(x, 0.15), off_zero)
case("PRelu", node("PRelu", ["x", "a"]), {"x": [2, 3, 4], "a": [3, 1]}, lambda x, a: torch.where(x > 0, x, a * x), off_zero)
case(
    "Clip",
    node("Clip", ["x", "low", "high"]),
    {"x": [10]},
    lambda x: x.clamp(-0.155, 0.155),
    apart,
    {"low": scalar(-0.155), "high": scalar(0.155)},
)

# Arithmetic with broadcasting
binary = {
    "Add": (torch.add, normal),
    "Sub": (torch.sub, normal),
    "Mul": (torch.mul, normal),
    "Div": (torch.div, positive),
    "Pow": (torch.pow, positive),
    "Max": (torch.maximum, normal),
    "Min": (torch.minimum, normal),
}
for op, (f, draw) in binary.items():
    for a, b in [([2, 3], [2, 3]), ([2, 1, 3], [4, 1]), ([3], [2, 3]), ([2, 3], []), ([1, 1], [2, 2])]:
        case(f"{op} {a} {b}", node(op, ["a", "b"]), {"a": a, "b": b}, f, draw)
case("Mod", node("Mod", ["a", "b"], fmod=1), {"a": [6], "b": [6]}, torch.fmod, off_zero)
for op, f in {"Sum": lambda a, b, c: a + b + c, "Mean": lambda a, b, c: (a + b + c) / 3}.items():
    case(op, node(op, ["a", "b", "c"]), {"a": [2, 3], "b": [3], "c": []}, f)
case(
    "Where",
    node("Where", ["c", "a", "b"]),
    {"a": [2, 3], "b": [3]},
    lambda a, b: torch.where(torch.tensor([[True], [False]]), a, b),
    fixed={"c": torch.tensor([[True], [False]])},
)
case("Pow, square", node("Pow", ["x", "p"]), {"x": [6]}, lambda x: x**2, fixed={"p": scalar(2.0)})

# Matrix products
for a, b in [
    ([2, 3], [3, 4]),
    ([2, 3, 4], [4, 2]),
    ([2, 1, 2, 3], [4, 3, 2]),
    ([3], [2, 3, 2]),
    ([2, 2, 3], [3]),
    ([3], [3]),
    ([2, 4, 3], [2, 3, 2]),
]:
    case(f"MatMul {a} {b}", node("MatMul", ["a", "b"]), {"a": a, "b": b}, torch.matmul)
for ta in (0, 1):
    for tb in (0, 1):
        case(
            f"Gemm {ta}{tb}",
            node("Gemm", ["a", "b", "c"], transA=ta, transB=tb, alpha=0.5, beta=2.0),
            {"a": [4, 3] if ta else [3, 4], "b": [2, 4] if tb else [4, 2], "c": [2]},
            lambda a, b, c, ta=ta, tb=tb: 0.5 * (a.T if ta else a) @ (b.T if tb else b) + 2 * c,
        )
        case(
            f"FusedMatMul {ta}{tb}",
            node("FusedMatMul", ["a", "b"], domain="com.microsoft", transA=ta, transB=tb, alpha=0.5),
            {"a": [2, 4, 3] if ta else [2, 3, 4], "b": [2, 4] if tb else [4, 2]},
            lambda a, b, ta=ta, tb=tb: 0.5 * (a.mT if ta else a) @ (b.mT if tb else b),
        )
for equation, *shapes in [
    ("ij,jk->ik", [2, 3], [3, 2]),
    ("bij,bkj->kbi", [2, 2, 3], [2, 4, 3]),
    ("ij,jk", [2, 3], [3, 2]),
    ("i,ij,jk->k", [2], [2, 3], [3, 2]),
    ("ij->j", [2, 3]),
    ("ijk,jl->il", [2, 3, 2], [3, 2]),
    ("ij,ij->", [2, 3], [2, 3]),
    ("...ij,...jk->...ik", [2, 2, 3], [2, 3, 2]),
    ("...ij,jk->...ik", [2, 2, 2, 3], [3, 2]),
    ("...ij,...jk->...ik", [1, 3, 2, 3], [2, 1, 3, 2]),
    ("ii->i", [3, 3]),
    ("ii", [3, 3]),
    ("bii,i->b", [2, 3, 3], [3]),
    ("bqhd,bkhd->bhqk", [1, 2, 2, 3], [1, 3, 2, 3]),
]:
    names = [f"x{i}" for i in range(len(shapes))]
    case(
        f"Einsum {equation} {shapes}",
        node("Einsum", names, equation=equation),
        dict(zip(names, shapes)),
        lambda *xs, equation=equation: torch.einsum(equation, *xs),
    )

# Convolutions
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
for x, w, stride, pad, dilation, group in [
    ([2, 3, 6], [2, 3, 3], [1], [0], [1], 1),
    ([1, 4, 7], [4, 2, 3], [2], [1], [2], 2),
    ([2, 2, 6, 5], [3, 2, 3, 3], [2, 2], [1, 0], [1, 1], 1),
    ([1, 2, 7, 8], [2, 2, 2, 2], [3, 3], [0, 0], [1, 1], 1),
    ([1, 2, 7, 7], [2, 2, 3, 2], [1, 1], [1, 2], [2, 3], 1),
    ([1, 1, 9, 8], [2, 1, 3, 2], [2, 3], [0, 1], [2, 2], 1),
    ([2, 4, 5, 4], [6, 2, 3, 2], [2, 1], [1, 1], [1, 1], 2),
    ([2, 3, 4, 4], [3, 1, 3, 3], [1, 1], [1, 1], [1, 1], 3),
    ([1, 2, 5, 5], [4, 1, 2, 2], [2, 2], [0, 0], [1, 1], 2),
    ([2, 3, 3, 3], [4, 3, 1, 1], [1, 1], [0, 0], [1, 1], 1),
    ([1, 2, 4, 3, 4], [2, 2, 2, 2, 3], [2, 1, 1], [1, 0, 1], [1, 1, 1], 1),
    ([1, 2, 5, 4, 4], [2, 1, 2, 2, 2], [1, 2, 1], [0, 0, 0], [2, 1, 2], 2),
]:
    case(
        f"Conv x {x} w {w} stride {stride} pad {pad} dilation {dilation} group {group}",
        node("Conv", ["x", "w", "b"], strides=stride, pads=pad + pad, dilations=dilation, group=group),
        {"x": x, "w": w, "b": [w[0]]},
        lambda x, w, b, s=stride, p=pad, d=dilation, g=group: CONV[len(s)](x, w, b, s, p, d, g),
    )
for x, w, stride, pad, out, dilation, group in [
    ([2, 3, 4], [3, 2, 3], [1], [0], [0], [1], 1),
    ([1, 2, 4], [2, 2, 3], [3], [1], [2], [2], 1),
    ([1, 2, 3, 3], [2, 3, 3, 3], [2, 2], [1, 1], [1, 1], [1, 1], 1),
    ([1, 1, 3, 4], [1, 2, 2, 2], [2, 1], [0, 0], [0, 0], [2, 3], 1),
    ([2, 4, 3, 2], [4, 1, 2, 3], [1, 1], [0, 1], [0, 0], [1, 1], 2),
    ([1, 3, 3, 3], [3, 1, 2, 2], [2, 2], [0, 0], [1, 0], [1, 1], 3),
    ([1, 2, 2, 3, 2], [2, 2, 2, 2, 2], [1, 2, 1], [0, 0, 0], [0, 1, 0], [1, 1, 2], 1),
]:
    case(
        f"ConvTranspose x {x} w {w} stride {stride} pad {pad} more {out} dilation {dilation} group {group}",
        node(
            "ConvTranspose",
            ["x", "w", "b"],
            strides=stride,
            pads=pad + pad,
            output_padding=out,
            dilations=dilation,
            group=group,
        ),
        {"x": x, "w": w, "b": [w[1] * group]},
        lambda x, w, b, s=stride, p=pad, o=out, d=dilation, g=group: TRANSPOSED[len(s)](x, w, b, s, p, o, g, d),
    )

# Pools
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
for x, kernel, stride, pad, dilation, ceil in [
    ([1, 2, 4, 4], [2, 2], [2, 2], [0, 0], [1, 1], False),
    ([2, 1, 5, 5], [3, 3], [2, 1], [1, 1], [1, 1], False),
    ([1, 1, 6, 5], [3, 2], [2, 2], [0, 1], [1, 1], True),
    ([1, 1, 7, 7], [3, 3], [2, 2], [1, 1], [1, 1], True),
    ([1, 1, 6, 6], [2, 3], [1, 2], [0, 0], [2, 2], False),
    ([2, 2, 7], [3], [2], [1], [1], True),
    ([1, 1, 3, 4, 4], [2, 2, 2], [1, 2, 2], [0, 1, 0], [1, 1, 1], False),
]:
    case(
        f"MaxPool {x} kernel {kernel} stride {stride} pad {pad} dilation {dilation} ceil {ceil}",
        node("MaxPool", ["x"], kernel_shape=kernel, strides=stride, pads=pad + pad, dilations=dilation, ceil_mode=ceil),
        {"x": x},
        lambda x, k=kernel, s=stride, p=pad, d=dilation, c=ceil: MAX[len(k)](x, k, s, p, d, c),
        apart,
    )
for x, kernel, stride, pad, ceil, counted in [
    ([1, 2, 4, 4], [2, 2], [2, 2], [0, 0], False, True),
    ([2, 1, 5, 5], [3, 3], [2, 1], [1, 1], False, True),
    ([2, 1, 5, 5], [3, 3], [2, 1], [1, 1], False, False),
    ([1, 1, 6, 5], [3, 2], [2, 2], [0, 1], True, False),
    ([1, 1, 6, 5], [3, 2], [2, 2], [0, 1], True, True),
    ([1, 1, 7, 7], [3, 3], [2, 2], [1, 1], True, True),
    ([1, 1, 7, 8], [2, 2], [3, 3], [0, 0], False, True),
    ([2, 2, 7], [3], [2], [1], False, False),
    ([1, 1, 3, 4, 4], [2, 2, 2], [1, 2, 2], [0, 1, 0], False, True),
]:
    case(
        f"AveragePool {x} kernel {kernel} stride {stride} pad {pad} ceil {ceil} counted {counted}",
        node(
            "AveragePool",
            ["x"],
            kernel_shape=kernel,
            strides=stride,
            pads=pad + pad,
            ceil_mode=ceil,
            count_include_pad=counted,
        ),
        {"x": x},
        lambda x, k=kernel, s=stride, p=pad, c=ceil, i=counted: AVERAGE[len(k)](x, k, s, p, c, i),
    )
case(
    "LpPool",
    node("LpPool", ["x"], kernel_shape=[2, 3], strides=[2, 1], p=3),
    {"x": [1, 2, 4, 5]},
    lambda x: F.lp_pool2d(x, 3.0, (2, 3), (2, 1)),
    positive,
)
case("GlobalAveragePool", node("GlobalAveragePool", ["x"]), {"x": [2, 3, 3, 2]}, lambda x: F.adaptive_avg_pool2d(x, 1))
case("GlobalMaxPool", node("GlobalMaxPool", ["x"]), {"x": [2, 3, 3, 2]}, lambda x: F.adaptive_max_pool2d(x, 1), apart)
case(
    "GlobalLpPool",
    node("GlobalLpPool", ["x"], p=3),
    {"x": [2, 2, 3]},
    lambda x: (x.abs() ** 3).sum(2, keepdim=True) ** (1 / 3),
    positive,
)

# Softmax and norms
for axis in (0, 1, -1):
    case(f"Softmax {axis}", node("Softmax", ["x"], axis=axis), {"x": [2, 3, 2]}, lambda x, a=axis: x.softmax(a))
    case(f"LogSoftmax {axis}", node("LogSoftmax", ["x"], axis=axis), {"x": [2, 3, 2]}, lambda x, a=axis: x.log_softmax(a))
EPSILON = 1e-5
case(
    "LayerNormalization",
    node("LayerNormalization", ["x", "w", "b"], epsilon=EPSILON),
    {"x": [2, 3, 4], "w": [4], "b": [4]},
    lambda x, w, b: F.layer_norm(x, [4], w, b, EPSILON),
)
case(
    "LayerNormalization over two axes",
    node("LayerNormalization", ["x", "w"], axis=1, epsilon=EPSILON),
    {"x": [2, 3, 4], "w": [3, 4]},
    lambda x, w: F.layer_norm(x, [3, 4], w, None, EPSILON),
)
case(
    "RMSNormalization",
    node("RMSNormalization", ["x", "w"], epsilon=EPSILON),
    {"x": [2, 3, 4], "w": [4]},
    lambda x, w: F.rms_norm(x, [4], w, EPSILON),
    opset=23,
)
case(
    "SimplifiedLayerNormalization",
    node("SimplifiedLayerNormalization", ["x", "w"], epsilon=EPSILON),
    {"x": [2, 3, 4], "w": [4]},
    lambda x, w: F.rms_norm(x, [4], w, EPSILON),
)
for training in (False, True):
    case(
        f"BatchNormalization, training {training}",
        node(
            "BatchNormalization",
            ["x", "w", "b", "m", "v"],
            ["y", "m2", "v2"] if training else ["y"],
            epsilon=EPSILON,
            **({"training_mode": 1} if training else {}),
        ),
        {"x": [3, 2, 3, 2], "w": [2], "b": [2], "m": [2], "v": [2]},
        lambda x, w, b, m, v, t=training: F.batch_norm(x, m.detach(), v.detach(), w, b, True, 0.0, EPSILON)
        if t
        else (x - m[:, None, None]) / torch.sqrt(v[:, None, None] + EPSILON) * w[:, None, None] + b[:, None, None],
        {"v": positive},
    )
case(
    "InstanceNormalization",
    node("InstanceNormalization", ["x", "w", "b"], epsilon=EPSILON),
    {"x": [2, 3, 3, 2], "w": [3], "b": [3]},
    lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=EPSILON),
)
case(
    "GroupNormalization",
    node("GroupNormalization", ["x", "w", "b"], num_groups=2, epsilon=EPSILON),
    {"x": [2, 4, 3, 2], "w": [4], "b": [4]},
    lambda x, w, b: F.group_norm(x, 2, w, b, EPSILON),
    opset=21,
)
case(
    "LRN",
    node("LRN", ["x"], size=3, alpha=0.1, beta=0.75, bias=1.5),
    {"x": [2, 4, 2, 2]},
    lambda x: F.local_response_norm(x, 3, 0.1, 0.75, 1.5),
)
for p in (1, 2):
    case(
        f"LpNormalization {p}",
        node("LpNormalization", ["x"], axis=1, p=p),
        {"x": [2, 3, 2]},
        lambda x, p=p: F.normalize(x, p=float(p), dim=1),
        positive,
    )
case(
    "MeanVarianceNormalization",
    node("MeanVarianceNormalization", ["x"], axes=[0, 2, 3]),
    {"x": [2, 2, 3, 2]},
    lambda x: (x - x.mean((0, 2, 3), keepdim=True)) / (x.std((0, 2, 3), keepdim=True, correction=0) + 1e-9),
)

# Reductions
def prod(x, axes, keep):
    for axis in sorted((a % x.ndim for a in axes), reverse=True):
        x = x.prod(axis, keepdim=True)
    return x if keep else x.reshape([n for i, n in enumerate(x.shape) if i not in [a % x.ndim for a in axes]])


reductions = {
    "ReduceSum": (lambda x, d, k: x.sum(d, keepdim=k), normal),
    "ReduceMean": (lambda x, d, k: x.mean(d, keepdim=k), normal),
    "ReduceMax": (lambda x, d, k: x.amax(d, keepdim=k), apart),
    "ReduceMin": (lambda x, d, k: x.amin(d, keepdim=k), apart),
    "ReduceSumSquare": (lambda x, d, k: (x * x).sum(d, keepdim=k), normal),
    "ReduceL1": (lambda x, d, k: x.abs().sum(d, keepdim=k), off_zero),
    "ReduceL2": (lambda x, d, k: (x * x).sum(d, keepdim=k).sqrt(), positive),
    "ReduceLogSum": (lambda x, d, k: x.sum(d, keepdim=k).log(), positive),
    "ReduceLogSumExp": (lambda x, d, k: x.logsumexp(d, keepdim=k), normal),
    "ReduceProd": (lambda x, d, k: prod(x, d, k), positive),
}


for op, (f, draw) in reductions.items():
    for axes, keep in [([1], True), ([0, -1], False), ([-1], False)]:
        case(
            f"{op} {axes} {keep}",
            node(op, ["x", "axes"], keepdims=keep),
            {"x": [2, 3, 2]},
            lambda x, f=f, a=tuple(axes), k=keep: f(x, a, k),
            draw,
            {"axes": ints(*axes)},
        )

# Moving values
case("Reshape", node("Reshape", ["x", "s"]), {"x": [2, 3, 2]}, lambda x: x.reshape(3, 4), fixed={"s": ints(3, -1)})
case("Flatten", node("Flatten", ["x"], axis=2), {"x": [2, 3, 2]}, lambda x: x.reshape(6, 2))
case("Squeeze", node("Squeeze", ["x", "a"]), {"x": [2, 1, 3]}, lambda x: x.squeeze(1), fixed={"a": ints(1)})
case("Unsqueeze", node("Unsqueeze", ["x", "a"]), {"x": [2, 3]}, lambda x: x[None, :, :, None], fixed={"a": ints(0, -1)})
case("Transpose", node("Transpose", ["x"], perm=[2, 0, 1]), {"x": [2, 3, 2]}, lambda x: x.permute(2, 0, 1))
case("Expand", node("Expand", ["x", "s"]), {"x": [3, 1]}, lambda x: x.expand(2, 3, 4), fixed={"s": ints(2, 3, 4)})
case("Tile", node("Tile", ["x", "r"]), {"x": [2, 3]}, lambda x: x.repeat(2, 3), fixed={"r": ints(2, 3)})
case("Concat", node("Concat", ["a", "b"], axis=1), {"a": [2, 3], "b": [2, 1]}, lambda a, b: torch.cat([a, b], 1))
case(
    "Slice",
    node("Slice", ["x", "s", "e", "a", "d"]),
    {"x": [5, 6]},
    lambda x: x[1:5:2].flip(1)[:, 1:5:2],
    fixed={"s": ints(1, -2), "e": ints(5, -6), "a": ints(0, 1), "d": ints(2, -2)},
)
case(
    "Split",
    [node("Split", ["x", "s"], ["p", "q"], axis=1), node("Mul", ["q", "p"])],
    {"x": [2, 4]},
    lambda x: x[:, :2] * x[:, 2:],
    fixed={"s": ints(2, 2)},
)
for mode, torch_mode in {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}.items():
    case(
        f"Pad {mode}",
        node("Pad", ["x", "p"], mode=mode),
        {"x": [1, 2, 3, 4]},
        lambda x, m=torch_mode: F.pad(x, (1, 2, 2, 1), m),
        fixed={"p": ints(0, 0, 2, 1, 0, 0, 1, 2)},
        opset=19 if mode == "wrap" else 18,
    )
case("Pad, taking away", node("Pad", ["x", "p"]), {"x": [4, 5]}, lambda x: F.pad(x, (1, -2, -1, 2)), fixed={"p": ints(-1, 1, 2, -2)})
case("CumSum", node("CumSum", ["x", "a"], reverse=1), {"x": [2, 3]}, lambda x: x.flip(1).cumsum(1).flip(1), fixed={"a": torch.tensor(1)})
case("Trilu", node("Trilu", ["x", "k"], upper=0), {"x": [2, 3, 3]}, lambda x: x.tril(-1), fixed={"k": torch.tensor(-1)})
case("DepthToSpace, CRD", node("DepthToSpace", ["x"], blocksize=2, mode="CRD"), {"x": [1, 8, 2, 3]}, lambda x: F.pixel_shuffle(x, 2))
case(
    "DepthToSpace, DCR",
    node("DepthToSpace", ["x"], blocksize=2),
    {"x": [1, 8, 2, 3]},
    lambda x: F.pixel_shuffle(x.reshape(1, 4, 2, 2, 3).transpose(1, 2).reshape(1, 8, 2, 3), 2),
)
case(
    "SpaceToDepth",
    node("SpaceToDepth", ["x"], blocksize=2),
    {"x": [1, 2, 4, 2]},
    lambda x: F.pixel_unshuffle(x, 2).reshape(1, 2, 4, 2, 1).transpose(1, 2).reshape(1, 8, 2, 1),
)
case("Dropout", node("Dropout", ["x"]), {"x": [2, 3]}, lambda x: x * 1)
case("Cast", [node("Cast", ["x"], ["h"], to=11), node("CastLike", ["h", "x"])], {"x": [2, 3]}, lambda x: x * 1)

# Resizing
for shape, factors in [([1, 2, 3, 4], [2.0, 2.0]), ([1, 1, 5, 6], [0.6, 0.5]), ([1, 1, 3, 4], [1.5, 1.7])]:
    scales = torch.tensor([1.0, 1.0, *factors], dtype=torch.float32)
    exact = [float(s) for s in scales[2:]]
    for name, attributes, options in [
        ("linear", {"mode": "linear"}, {"mode": "bilinear", "align_corners": False}),
        (
            "linear, corners",
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            {"mode": "bilinear", "align_corners": True},
        ),
        (
            "nearest",
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "nearest"},
        ),
        (
            "cubic",
            {"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel"},
            {"mode": "bicubic", "align_corners": False},
        ),
    ]:
        case(
            f"Resize {shape} by {factors}, {name}",
            node("Resize", ["x", "", "s"], **attributes),
            {"x": shape},
            lambda x, f=exact, o=options: F.interpolate(x, scale_factor=f, recompute_scale_factor=False, **o),
            fixed={"s": scales},
        )
case(
    "Resize to sizes, antialias",
    node("Resize", ["x", "", "", "s"], mode="linear", antialias=1, exclude_outside=1),
    {"x": [1, 1, 6, 8]},
    lambda x: F.interpolate(x, size=(3, 3), mode="bilinear", antialias=True),
    fixed={"s": ints(1, 1, 3, 3)},
)
case(
    "Resize to sizes, volume",
    node("Resize", ["x", "", "", "s"], mode="linear"),
    {"x": [1, 1, 2, 3, 2]},
    lambda x: F.interpolate(x, size=(4, 4, 3), mode="trilinear"),
    fixed={"s": ints(1, 1, 4, 4, 3)},
)

# Looking up and choosing
rows = torch.tensor([[0, 2], [2, 3]])
for axis in (0, 1):
    case(
        f"Gather {axis}",
        node("Gather", ["x", "i"], axis=axis),
        {"x": [4, 4]},
        lambda x, a=axis: x[rows] if a == 0 else x[:, rows],
        fixed={"i": rows},
    )
elements = torch.tensor([[1, 1], [0, 2]])
case("GatherElements", node("GatherElements", ["x", "i"], axis=1), {"x": [2, 3]}, lambda x: x.gather(1, elements), fixed={"i": elements})
pairs = torch.tensor([[0, 1], [1, 2], [0, 1]])
case("GatherND", node("GatherND", ["x", "i"]), {"x": [2, 3, 2]}, lambda x: x[pairs[:, 0], pairs[:, 1]], fixed={"i": pairs})
batched = torch.tensor([[[0], [1]], [[2], [2]]])
case(
    "GatherND, batched",
    node("GatherND", ["x", "i"], batch_dims=1),
    {"x": [2, 3, 2]},
    lambda x: torch.stack([x[b][batched[b, :, 0]] for b in range(2)]),
    fixed={"i": batched},
)
unique = torch.tensor([[1, 0], [0, 2]])
case(
    "ScatterElements",
    node("ScatterElements", ["x", "i", "u"], axis=1),
    {"x": [2, 3], "u": [2, 2]},
    lambda x, u: x.scatter(1, unique, u),
    fixed={"i": unique},
)
case(
    "ScatterElements, add",
    node("ScatterElements", ["x", "i", "u"], axis=1, reduction="add"),
    {"x": [2, 3], "u": [2, 2]},
    lambda x, u: x.scatter_add(1, elements, u),
    fixed={"i": elements},
)


def scatter_reduce(x, u, reduction):
    # Written out, since not all reductions of torch's own can be differentiated twice.
    rows = []
    for r in range(2):
        row = list(x[r].unbind())
        for k, i in enumerate(elements[r].tolist()):
            join = {"prod": torch.mul, "amax": torch.maximum, "amin": torch.minimum}[reduction]
            row[i] = join(row[i], u[r, k])
        rows.append(torch.stack(row))
    return torch.stack(rows)


places = torch.tensor([[2], [0]])
case(
    "ScatterND",
    node("ScatterND", ["x", "i", "u"]),
    {"x": [3, 2], "u": [2, 2]},
    lambda x, u: x.index_put((places[:, 0],), u),
    fixed={"i": places},
)
case(
    "ScatterND, add",
    node("ScatterND", ["x", "i", "u"], reduction="add"),
    {"x": [3, 2], "u": [2, 2]},
    lambda x, u: x.index_put((torch.tensor([2, 2]),), u, accumulate=True),
    fixed={"i": torch.tensor([[2], [2]])},
)
for reduction, torch_reduction in {"mul": "prod", "max": "amax", "min": "amin"}.items():
    case(
        f"ScatterElements, {reduction}",
        node("ScatterElements", ["x", "i", "u"], axis=1, reduction=reduction),
        {"x": [2, 3], "u": [2, 2]},
        lambda x, u, r=torch_reduction: scatter_reduce(x, u, r),
        fixed={"i": elements},
    )
case("TopK", node("TopK", ["x", "k"], ["y", "i"], axis=-1), {"x": [2, 5]}, lambda x: x.topk(2, -1).values, apart, {"k": ints(2)})
hot = torch.tensor([[0, 2], [1, 2]])
case(
    "OneHot",
    node("OneHot", ["i", "d", "v"], axis=1),
    {"v": [2]},
    lambda v: torch.where(F.one_hot(hot, 3).bool(), v[1], v[0]).permute(0, 2, 1),
    fixed={"i": hot, "d": ints(3)},
)
case(
    "Compress",
    node("Compress", ["x", "c"], axis=0),
    {"x": [3, 2]},
    lambda x: x[[0, 2]],
    fixed={"c": torch.tensor([True, False, True])},
)

out = Path(__file__).with_name("operators.json")
head = {"made by": f"test/oracles/operators.py, torch {torch.__version__.split('+')[0]}, float64", "cases": []}
lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in CASES)
text = json.dumps(head, ensure_ascii=False)
out.write_text(text.replace('"cases": []', '"cases": [\n' + lines + "\n]") + "\n")
print(len(CASES), "cases,", out.stat().st_size // 1024, "KB")
