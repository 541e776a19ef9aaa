"""The published code itself as a process of the benchmark: `python reference.py CHECKOUT` of saprmarks/feature-circuits.

Its attribution.patching_effect runs as its scripts run it: nnsight, ReLU autoencoders of dictionary_learning, batches of
`batch` pairs. Needs the versions of requirements.txt (it works with nnsight below 0.4 only).
"""

import pathlib
import sys

import torch

import common


class Reference:
    def setup(self, s):
        checkout = pathlib.Path(sys.argv[1])
        sys.path.insert(0, str(checkout))
        from dictionary_learning import AutoEncoder
        from nnsight import LanguageModel
        from transformers import PreTrainedTokenizerFast

        from attribution import Submodule, patching_effect

        self.patching_effect, self.batch = patching_effect, s["batch"]
        inner, weights, self.pairs = common.load(s["folder"])
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(pathlib.Path(s["folder"]) / "model" / "tokenizer.json"), unk_token="w0", pad_token="w0")
        self.model = LanguageModel(inner, tokenizer=tokenizer)
        self.submodules, self.dictionaries = [], {}
        for name, module in common.submodules(self.model).items():
            submodule = Submodule(name=name, submodule=module, is_tuple=not name.startswith(("embed", "mlp")))
            w = weights.pop(name)
            dictionary = AutoEncoder(w["W_enc"].shape[1], w["W_enc"].shape[0])
            dictionary.encoder.weight = torch.nn.Parameter(w["W_enc"])
            dictionary.encoder.bias = torch.nn.Parameter(w["b_enc"])
            dictionary.decoder.weight = torch.nn.Parameter(w["W_dec"].T.contiguous())
            self.submodules.append(submodule)
            self.dictionaries[submodule] = dictionary
        return {}

    def run(self, method, start, end):
        sums = {s.name: [0.0, 0.0] for s in self.submodules}
        for at in range(start, end, self.batch):
            rows = slice(at, min(end, at + self.batch))
            clean, patch, answer, wrong = (self.pairs[name][rows] for name in ("clean", "patch", "answer", "wrong"))

            def metric(model):
                logits = model.embed_out.output[:, -1, :]
                pick = lambda ids: torch.gather(logits, -1, ids.view(-1, 1)).squeeze(-1)
                return pick(answer) - pick(wrong)

            out = self.patching_effect(clean, patch, self.model, self.submodules, self.dictionaries, metric, method=method)
            for submodule, effect in out.effects.items():
                sums[submodule.name][0] += effect.act.sum().item()
                sums[submodule.name][1] += effect.resc.sum().item()
        return sums


if __name__ == "__main__":
    protocol = common.protocol()
    reference = Reference()
    common.serve(protocol, reference.setup, reference.run)
