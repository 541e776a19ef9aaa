"""Loads the dictionaries that Untangle wrote with the libraries they are for, and compares activations.

    python dictionary_formats.py FOLDER

FOLDER/cases.json: [{"name", "format", "transcoder"}]; FOLDER/NAME/ as written; FOLDER/NAME.ours.safetensors: x, acts,
out as Untangle computes them. Prints {"packages", "rows": [{"name", "format", "acts", "out"}]}: largest differences.
Needs sae-lens, dictionary-learning, and without their dependencies eai-sparsify, circuit-tracer, natsort, schedulefree.
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"

import torch
from safetensors.torch import load_file

FOLDER = Path(sys.argv[1])
CPU = {"device": torch.device("cpu"), "dtype": torch.float32}


def saelens(folder, x, _):
    from sae_lens import SAE

    sae = SAE.load_from_disk(folder)
    return sae.encode(x), sae(x)


def dictionary_learning(folder, x, _):
    from dictionary_learning.utils import load_dictionary

    if (folder / "ae.safetensors").exists():
        torch.save(load_file(folder / "ae.safetensors"), folder / "ae.pt")
    ae, _ = load_dictionary(str(folder), "cpu")
    return ae.encode(x), ae(x)


def sparsify(folder, x, _):
    from sparsify import SparseCoder

    sae = SparseCoder.load_from_disk(folder)
    top = sae.encode(x)
    acts = torch.zeros(len(x), sae.num_latents).scatter_(1, top.top_indices, top.top_acts)
    return acts, sae(x).sae_out


def gemma_scope(folder, x, case):
    if case["transcoder"]:
        from circuit_tracer.transcoder.single_layer_transcoder import load_gemma_scope_transcoder

        loaded = load_gemma_scope_transcoder(str(folder / "params.npz"), 0, **CPU)
        return loaded.encode(x), loaded(x)
    from sae_lens import SAE
    from sae_lens.loading import pretrained_sae_loaders as loaders

    loaders.hf_hub_download = lambda **_: str(folder / "params.npz")
    cfg, state, _ = loaders.gemma_2_sae_huggingface_loader("google/gemma-scope-2b-pt-res", "layer_3/width_16k/average_l0_71")
    d_in, d_sae = state["W_enc"].shape
    sae = SAE.from_dict(loaders.handle_config_defaulting({**cfg, "d_in": d_in, "d_sae": d_sae}))
    sae.load_state_dict(state)
    return sae.encode(x), sae(x)


def circuit_tracer(folder, x, _):
    from circuit_tracer.transcoder.single_layer_transcoder import load_relu_transcoder

    (path,) = folder.glob("layer_*.safetensors")
    loaded = load_relu_transcoder(str(path), 0, lazy_encoder=False, lazy_decoder=False, **CPU)
    return loaded.encode(x), loaded(x)


LOADERS = {
    "saelens": saelens,
    "dictionary_learning": dictionary_learning,
    "sparsify": sparsify,
    "gemma-scope": gemma_scope,
    "circuit-tracer": circuit_tracer,
}

rows = []
with torch.no_grad():
    for case in json.loads((FOLDER / "cases.json").read_text()):
        ours = load_file(FOLDER / f"{case['name']}.ours.safetensors")
        acts, out = LOADERS[case["format"]](FOLDER / case["name"], ours["x"], case)
        rows.append(
            {
                "name": case["name"],
                "format": case["format"],
                "acts": (acts - ours["acts"]).abs().max().item(),
                "out": (out - ours["out"]).abs().max().item(),
            }
        )
packages = ["sae-lens", "dictionary-learning", "eai-sparsify", "circuit-tracer", "torch"]
print(json.dumps({"packages": {p: version(p) for p in packages}, "rows": rows}))
