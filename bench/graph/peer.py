"""One PyTorch peer as a process: reads one JSON command a line from standard input, answers with one JSON line.

{"setup": {...}} builds a Llama of the benchmark's shape with random weights; {"forward": n} runs n passes with all
residual sites read and no logits; {"backward": n} runs n passes with gradients of the metric at all of them. Metric: the sum over
texts of logit(first token) - logit(second token) at the last position, as the state times the difference of two
unembedding vectors. Weights need no gradients.
"""

import json
import resource
import sys
import time

import torch


def memory():
    """Peak resident memory of this process in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Transformers:
    """transformers' LlamaForCausalLM, eager (not compiled), with its default attention; every hidden state kept."""

    def __init__(self, s):
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=s["vocabulary"], hidden_size=s["width"], intermediate_size=s["mlpWidth"],
            num_hidden_layers=s["layers"], num_attention_heads=s["heads"], num_key_value_heads=s["kvHeads"],
            head_dim=s["headWidth"], max_position_embeddings=s["context"], rms_norm_eps=s["normEpsilon"],
            tie_word_embeddings=True, use_cache=False, rope_parameters={"rope_type": "default", "rope_theta": s["ropeBase"]},
        )
        self.model = LlamaForCausalLM(config).eval().requires_grad_(False)

    def forward(self, tokens):
        with torch.no_grad():
            return self.model.model(tokens, output_hidden_states=True).hidden_states

    def backward(self, tokens):
        embedded = self.model.get_input_embeddings()(tokens).requires_grad_(True)
        out = self.model.model(inputs_embeds=embedded, output_hidden_states=True)
        for state in out.hidden_states:
            state.retain_grad()
        unembedding = self.model.get_output_embeddings().weight
        (out.last_hidden_state[:, -1] @ (unembedding[0] - unembedding[1])).sum().backward()
        return [state.grad for state in out.hidden_states]


class TransformerLens:
    """HookedTransformer.run_with_cache, and its backward with the cache of gradients, at all residual sites."""

    def __init__(self, s):
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        config = HookedTransformerConfig(
            n_layers=s["layers"], d_model=s["width"], n_ctx=s["positions"], d_head=s["headWidth"], n_heads=s["heads"],
            n_key_value_heads=s["kvHeads"], d_mlp=s["mlpWidth"], d_vocab=s["vocabulary"], act_fn="silu",
            normalization_type="RMS", gated_mlp=True, final_rms=True, positional_embedding_type="rotary",
            rotary_dim=s["headWidth"], rotary_base=s["ropeBase"], eps=s["normEpsilon"], device="cpu",
        )
        self.model = HookedTransformer(config).eval().requires_grad_(False)
        self.names = ["hook_embed"] + [f"blocks.{i}.hook_resid_post" for i in range(s["layers"])]

    def forward(self, tokens):
        with torch.no_grad():
            return self.model.run_with_cache(tokens, return_type=None, names_filter=self.names)[1]

    def backward(self, tokens):
        gradients = {}
        hooks = []
        for name in self.names:
            def keep(value, hook):
                if not value.requires_grad:
                    value = value.requires_grad_(True)
                return value

            def take(gradient, hook):
                gradients[hook.name] = gradient

            hooks.append((name, keep, take))
        forward = [(name, keep) for name, keep, _ in hooks]
        back = [(name, take) for name, _, take in hooks]
        with self.model.hooks(fwd_hooks=forward, bwd_hooks=back):
            state = self.model.ln_final(self.model(tokens, stop_at_layer=len(self.model.blocks)))
            unembedding = self.model.W_U
            (state[:, -1] @ (unembedding[:, 0] - unembedding[:, 1])).sum().backward()
        return gradients


def main(protocol):
    kinds = {"transformers": Transformers, "transformer_lens": TransformerLens}
    peer = tokens = None

    for line in sys.stdin:
        command = json.loads(line)
        if "setup" in command:
            s = command["setup"]
            torch.set_num_threads(s["threads"])
            torch.manual_seed(s["seed"])
            peer = kinds[sys.argv[1]]({**s["shape"], "positions": s["length"]})
            tokens = torch.randint(s["shape"]["vocabulary"], (s["batch"], s["length"]))
            answer = {"threads": torch.get_num_threads()}
        else:
            (mode, count), = command.items()
            run = (lambda: peer.forward(tokens)) if mode == "forward" else (lambda: peer.backward(tokens))
            begun, before = time.perf_counter(), time.process_time()
            for _ in range(count):
                kept = run()
            seconds, busy = time.perf_counter() - begun, time.process_time() - before
            answer = {"seconds": seconds, "cpuSeconds": busy, "sites": len(kept), "peakBytes": memory()}
            del kept
        print(json.dumps(answer), file=protocol, flush=True)


if __name__ == "__main__":
    # Libraries print on standard output, which is the protocol's: they get standard error instead.
    protocol, sys.stdout = sys.stdout, sys.stderr
    main(protocol)
