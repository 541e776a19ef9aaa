"""A small residual CNN and a small decoder, exported to ONNX by PyTorch, with the gradients at every site.

Writes small-networks/{cnn,decoder}.onnx and .json beside this file: input, cotangent of the result, and the gradient at the
input and every named site, in float64. Needs: torch, onnx. Run: python test/oracles/small_networks.py
"""

import io
import json
from pathlib import Path

import onnx
import torch
from torch import nn

torch.manual_seed(3)
FOLDER = Path(__file__).with_name("small-networks")


class Block(nn.Module):
    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
        self.skip = nn.Conv2d(channels, channels, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.norm(self.first(x)))) + self.skip(x))


class Cnn(nn.Module):
    """conv – bn – relu – pool – residual blocks – global mean – linear."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 5, 2, 2)
        self.norm = nn.BatchNorm2d(6)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.ModuleList([Block(6, 1), Block(6, 2)])
        self.head = nn.Linear(6, 4)

    def sites(self, x):
        found = {"stem": self.stem(x)}
        h = self.pool(torch.nn.functional.hardswish(self.norm(found["stem"])))
        found["pooled"] = h
        for i, block in enumerate(self.blocks):
            h = block(h)
            found[f"block{i}"] = h
        found["mean"] = nn.functional.adaptive_avg_pool2d(h, 1)
        found["logits"] = self.head(found["mean"].flatten(1))
        return found

    def forward(self, x):
        return tuple(self.sites(x).values())


class Decoder(nn.Module):
    """A vector – linear – transposed convolutions – group norm – resizing – pixel shuffle – tanh image."""

    def __init__(self):
        super().__init__()
        self.start = nn.Linear(5, 8 * 3 * 3)
        self.up = nn.ConvTranspose2d(8, 6, 4, 2, 1)
        self.norm = nn.InstanceNorm2d(6, affine=True)
        self.grouped = nn.ConvTranspose2d(6, 6, 3, 2, 1, output_padding=1, groups=2)
        self.mix = nn.Conv2d(6, 12, 3, padding=1, padding_mode="reflect")
        self.shuffle = nn.PixelShuffle(2)
        self.out = nn.Conv2d(3, 1, 3)

    def sites(self, z):
        found = {"start": self.start(z).reshape(-1, 8, 3, 3)}
        h = nn.functional.silu(self.norm(self.up(found["start"])))
        found["up"] = h
        h = nn.functional.gelu(self.grouped(h))
        found["grouped"] = h
        h = nn.functional.interpolate(h, scale_factor=1.5, mode="bilinear", align_corners=False)
        found["resized"] = h
        h = self.shuffle(self.mix(h))
        found["shuffled"] = nn.functional.avg_pool2d(h, 2)
        found["image"] = torch.tanh(self.out(nn.functional.interpolate(found["shuffled"], scale_factor=2.0)))
        return found

    def forward(self, z):
        return tuple(self.sites(z).values())


def write(name: str, network: nn.Module, x: torch.Tensor) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    network.eval()
    names = list(network.sites(x))
    buffer = io.BytesIO()
    torch.onnx.export(
        network,
        (x,),
        buffer,
        input_names=["x"],
        output_names=names,
        dynamic_axes={"x": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    FOLDER.mkdir(exist_ok=True)
    onnx.save(model, FOLDER / f"{name}.onnx")

    exact = network.double()
    at = x.double().requires_grad_()
    sites = exact.sites(at)
    values = {"x": at, **sites}
    last = sites[names[-1]]
    cotangent = (torch.randn(last.shape, dtype=torch.float64) * 1000).round() / 1000
    gradients = torch.autograd.grad((last * cotangent).sum(), list(values.values()))
    numbers = lambda t: [float(f"{v:.8g}") for v in t.detach().flatten().tolist()]
    (FOLDER / f"{name}.json").write_text(
        json.dumps(
            {
                "x": {"shape": list(x.shape), "data": numbers(x)},
                "of": names[-1],
                "cotangent": {"shape": list(last.shape), "data": numbers(cotangent)},
                "gradients": {key: numbers(g) for key, g in zip(values, gradients)},
            }
        )
        + "\n"
    )
    print(name, sum(p.numel() for p in network.parameters()), "parameters,", len(model.graph.node), "nodes")


write("cnn", Cnn(), (torch.randn(2, 3, 18, 22) * 1000).round() / 1000)
write("decoder", Decoder(), (torch.randn(2, 5) * 1000).round() / 1000)
