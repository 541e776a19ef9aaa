"""What the Python sides of the benchmark of effects share: the random model, its dictionaries and pairs, and the protocol."""

import json
import os
import pathlib
import resource
import sys
import time

import torch


def config(s):
    from transformers import GPTNeoXConfig

    return GPTNeoXConfig(
        vocab_size=s["vocabulary"], hidden_size=s["width"], num_hidden_layers=s["layers"], num_attention_heads=s["heads"],
        intermediate_size=s["mlpWidth"], use_cache=False, use_parallel_residual=True, rotary_pct=0.25, attn_implementation="eager",
    )


def sites(layers):
    return ["embed"] + [f"{part}_{i}" for i in range(layers) for part in ("attn", "mlp", "resid")]


def submodules(model):
    """Where each site is written, in the order of the published code."""
    places = {"embed": model.gpt_neox.embed_in}
    for i, layer in enumerate(model.gpt_neox.layers):
        places |= {f"attn_{i}": layer.attention, f"mlp_{i}": layer.mlp, f"resid_{i}": layer}
    return places


def first(output):
    return output[0] if isinstance(output, tuple) else output


def load(folder):
    from safetensors.torch import load_file
    from transformers import GPTNeoXForCausalLM

    folder = pathlib.Path(folder)
    model = GPTNeoXForCausalLM.from_pretrained(folder / "model", attn_implementation="eager").eval()
    weights = {name: load_file(folder / f"{name}.safetensors") for name in sites(model.config.num_hidden_layers)}
    pairs = {name: torch.tensor(rows) for name, rows in json.loads((folder / "pairs.json").read_text()).items()}
    return model, weights, pairs


def prepare(folder, s):
    """Writes a random model, random dictionaries with about `active` features a row, and random pairs."""
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models
    from transformers import GPTNeoXForCausalLM

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(s["seed"])
    model = GPTNeoXForCausalLM(config(s)).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim == 2:
                p.normal_(0, 1.0 if "embed_in" in name else p.shape[1] ** -0.5)
    model.save_pretrained(folder / "model")
    words = {f"w{i}": i for i in range(s["vocabulary"])}
    Tokenizer(models.WordLevel(words, unk_token="w0")).save(str(folder / "model" / "tokenizer.json"))
    clean = torch.randint(s["vocabulary"], (s["pairs"], s["tokens"]))
    patch = clean.clone()
    patch[:, 1] = torch.randint(s["vocabulary"], (s["pairs"],))
    answers = torch.randint(s["vocabulary"], (2, s["pairs"]))
    pairs = {"clean": clean, "patch": patch, "answer": answers[0], "wrong": answers[1]}
    (folder / "pairs.json").write_text(json.dumps({k: v.tolist() for k, v in pairs.items()}))
    states = {}
    hooks = [
        m.register_forward_hook(lambda _, __, out, name=name: states.__setitem__(name, first(out).detach()))
        for name, m in submodules(model).items()
    ]
    with torch.no_grad():
        model(clean[:20])
    for hook in hooks:
        hook.remove()
    for name, x in states.items():
        W = torch.randn(s["features"], s["width"])
        W /= W.norm(dim=1, keepdim=True)
        a = (x.reshape(-1, s["width"]) @ W.T).flatten()
        # The threshold that `active` of all features of a row pass, on average; kthvalue takes 16 million at most.
        some = a[torch.randperm(len(a))[:1_000_000]]
        cut = some.kthvalue(int(len(some) * (1 - s["active"] / s["features"]))).values
        save_file({"W_enc": W, "b_enc": -cut * torch.ones(s["features"]), "W_dec": W.clone()}, folder / f"{name}.safetensors")


def serve(protocol, setup, run):
    """Answers one JSON line to each JSON line."""
    for line in sys.stdin:
        command = json.loads(line)
        if "setup" in command:
            torch.set_num_threads(command["setup"]["threads"])
            answer = setup(command["setup"])
        else:
            begun, before = time.perf_counter(), time.process_time()
            sums = run(command["run"], command["from"], command["to"])
            answer = {
                "seconds": time.perf_counter() - begun,
                "cpuSeconds": time.process_time() - before,
                "peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                "sums": [[name, *values] for name, values in sums.items()],
            }
        print(json.dumps(answer), file=protocol, flush=True)


def protocol():
    """Libraries print on standard output, which is the protocol's: they get standard error instead."""
    out, sys.stdout = sys.stdout, sys.stderr
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return out
