"""Tiny random models of every family by PyTorch and transformers: folders, GGUF files, logits and states inside.

    pip install torch transformers gguf
    python families.py FOLDER      (writes FOLDER/<case>/{config.json, model.safetensors, …, expected.safetensors, model.gguf})

Weights are seeded, of a size at which every part matters, and rounded to bfloat16, in which they are stored (float16 and
float32 for two cases each); the models run in float32 with eager attention. `expected.safetensors` holds the tokens, the
logits, and values inside named as TransformerLens names them, taken with hooks from the modules of transformers.
"""
import json
import os
import sys

import gguf
import numpy as np
import torch
import transformers as t
from safetensors.torch import save_file

V, D, M, L, H, W = 28, 12, 16, 2, 4, 4
LLAMA = dict(vocab_size=V, hidden_size=D, intermediate_size=M, num_hidden_layers=L, num_attention_heads=H,
             num_key_value_heads=2, head_dim=W, max_position_embeddings=48)
QWEN2 = {**{k: v for k, v in LLAMA.items() if k != "head_dim"}, "hidden_size": 16}
BERT = dict(vocab_size=V, hidden_size=D, intermediate_size=M, num_hidden_layers=L, num_attention_heads=H,
            max_position_embeddings=24, hidden_act="gelu")
PAD, SEP = 0, 3
FACTORS = dict(short_factor=[1.0, 1.3], long_factor=[1.5, 4.0])

CASES = {
    "gpt2": t.GPT2LMHeadModel(t.GPT2Config(vocab_size=V, n_embd=D, n_layer=L, n_head=H, n_positions=32)),
    "gpt_neox": t.GPTNeoXForCausalLM(t.GPTNeoXConfig(
        vocab_size=V, hidden_size=32, intermediate_size=M, num_hidden_layers=L, num_attention_heads=H,
        max_position_embeddings=48, rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=0.25))),
    "gpt_neox_serial": t.GPTNeoXForCausalLM(t.GPTNeoXConfig(
        vocab_size=V, hidden_size=16, intermediate_size=M, num_hidden_layers=L, num_attention_heads=H, attention_bias=False,
        use_parallel_residual=False, max_position_embeddings=48,
        rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=1.0))),
    "llama2": t.LlamaForCausalLM(t.LlamaConfig(**{**LLAMA, "num_key_value_heads": H, "head_dim": 2})),
    "llama3": t.LlamaForCausalLM(t.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True, rope_parameters=dict(
        rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=16))),
    "llama_linear": t.LlamaForCausalLM(t.LlamaConfig(**LLAMA, rope_parameters=dict(
        rope_type="linear", rope_theta=1e4, factor=3.0))),
    "llama_yarn": t.LlamaForCausalLM(t.LlamaConfig(**LLAMA, rope_parameters=dict(
        rope_type="yarn", rope_theta=100.0, factor=3.0, original_max_position_embeddings=16))),
    "smollm2": t.LlamaForCausalLM(t.LlamaConfig(**LLAMA, tie_word_embeddings=True, rope_parameters=dict(
        rope_type="default", rope_theta=1e5))),
    "mistral": t.MistralForCausalLM(t.MistralConfig(**LLAMA, sliding_window=5)),
    "qwen2": t.Qwen2ForCausalLM(t.Qwen2Config(**QWEN2)),
    "qwen2_window": t.Qwen2ForCausalLM(t.Qwen2Config(
        **QWEN2, use_sliding_window=True, sliding_window=5, max_window_layers=1)),
    "qwen3": t.Qwen3ForCausalLM(t.Qwen3Config(**LLAMA, tie_word_embeddings=True)),
    "gemma2": t.Gemma2ForCausalLM(t.Gemma2Config(
        **LLAMA, sliding_window=5, query_pre_attn_scalar=W, attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3": t.Gemma3ForCausalLM(t.Gemma3TextConfig(
        **{**LLAMA, "num_hidden_layers": 6}, sliding_window=5, query_pre_attn_scalar=W,
        rope_parameters=dict(full_attention=dict(rope_type="linear", rope_theta=1e6, factor=8.0),
                             sliding_attention=dict(rope_type="default", rope_theta=100.0)))),
    "phi3": t.Phi3ForCausalLM(t.Phi3Config(
        **{**{k: v for k, v in LLAMA.items() if k != "head_dim"}, "hidden_size": 16}, original_max_position_embeddings=16,
        rope_parameters=dict(rope_type="longrope", rope_theta=1e4, **FACTORS), pad_token_id=PAD)),
    "bert": t.BertForMaskedLM(t.BertConfig(**BERT)),
    "bert_pooler": t.BertModel(t.BertConfig(**BERT)),
    "roberta": t.RobertaForMaskedLM(t.RobertaConfig(**BERT, type_vocab_size=1, pad_token_id=1)),
    "vit": t.ViTForImageClassification(t.ViTConfig(
        hidden_size=D, intermediate_size=M, num_hidden_layers=L, num_attention_heads=H, image_size=12, patch_size=4,
        num_labels=5)),
}
STORED = {"llama2": torch.float32, "gpt_neox_serial": torch.float16}
SHARDED = {"qwen2": "4KB", "gemma2": "4KB"}


def randomise(model: torch.nn.Module, seed: int, stored: torch.dtype, gemma: bool) -> None:
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            x = torch.randn(p.shape, generator=random)
            if "norm" in name.lower() or "ln_" in name:
                x = 0.1 * x + (0.0 if gemma or name.endswith("bias") else 1.0)
            elif name.endswith("bias"):
                x = 0.3 * x
            elif "embed" in name or "wte" in name or "wpe" in name or "token" in name:
                x = x if not gemma else x / 4
            else:
                x = 1.5 * x / p[0].numel() ** 0.5
            p.copy_(x.to(stored).float())


# Where TransformerLens' values are in the modules of transformers: (module, its input or output) in block i.
PLACES = {
    "modern": ("model.layers.{i}.", {
        "attn.hook_z": ("self_attn.o_proj", "in"), "mlp.hook_post": ("mlp.down_proj", "in")}),
    "gpt2": ("transformer.h.{i}.", {
        "attn.hook_z": ("attn.c_proj", "in"), "mlp.hook_pre": ("mlp.c_fc", "out"), "mlp.hook_post": ("mlp.c_proj", "in"),
        "hook_attn_out": ("attn.c_proj", "out"), "hook_mlp_out": ("mlp", "out"), "hook_resid_mid": ("ln_2", "in")}),
    "gpt_neox": ("gpt_neox.layers.{i}.", {
        "attn.hook_z": ("attention.dense", "in"), "mlp.hook_pre": ("mlp.dense_h_to_4h", "out"),
        "mlp.hook_post": ("mlp.dense_4h_to_h", "in"), "hook_attn_out": ("attention.dense", "out"),
        "hook_mlp_out": ("mlp", "out")}),
    "bert": ("{base}encoder.layer.{i}.", {
        "attn.hook_q": ("attention.self.query", "out"), "attn.hook_k": ("attention.self.key", "out"),
        "attn.hook_v": ("attention.self.value", "out"), "attn.hook_z": ("attention.output.dense", "in"),
        "hook_attn_out": ("attention.output.dense", "out"), "hook_resid_mid": ("attention.output.LayerNorm", "in"),
        "mlp.hook_pre": ("intermediate.dense", "out"), "mlp.hook_post": ("output.dense", "in"),
        "hook_mlp_out": ("output.dense", "out"), "hook_resid_post": ("output.LayerNorm", "in")}),
    "vit": ("vit.layers.{i}.", {
        "attn.hook_q": ("attention.q_proj", "out"), "attn.hook_z": ("attention.o_proj", "in"),
        "hook_attn_out": ("attention.o_proj", "out"), "hook_resid_mid": ("layernorm_after", "in"),
        "mlp.hook_pre": ("mlp.fc1", "out"), "mlp.hook_post": ("mlp.fc2", "in"), "hook_mlp_out": ("mlp", "out")}),
}
SEPARATE = {"attn.hook_q": ("self_attn.q_proj", "out"), "attn.hook_k": ("self_attn.k_proj", "out"),
            "attn.hook_v": ("self_attn.v_proj", "out")}
AROUND = {"hook_attn_out": ("post_attention_layernorm", "out"), "hook_mlp_out": ("post_feedforward_layernorm", "out"),
          "hook_resid_mid": ("pre_feedforward_layernorm", "in")}
BEFORE = {"hook_attn_out": ("self_attn.o_proj", "out"), "hook_mlp_out": ("mlp", "out"),
          "hook_resid_mid": ("post_attention_layernorm", "in")}


def places(case: str) -> tuple[str, dict]:
    for name in ("gpt2", "gpt_neox", "vit"):
        if case.startswith(name):
            prefix, inside = PLACES[name]
            serial = {"hook_resid_mid": ("post_attention_layernorm", "in")} if case == "gpt_neox_serial" else {}
            return prefix, {**inside, **serial}
    if "bert" in case:
        prefix, inside = PLACES["bert"]
        base = "roberta." if case == "roberta" else "bert." if case == "bert" else ""
        return prefix.replace("{base}", base), inside
    prefix, inside = PLACES["modern"]
    gates = {} if case == "phi3" else {"mlp.hook_pre": ("mlp.gate_proj", "out"), "mlp.hook_pre_linear": ("mlp.up_proj", "out")}
    return prefix, {**inside, **gates, **({} if case == "phi3" else SEPARATE), **(AROUND if case.startswith("gemma") else BEFORE)}


def expected(case: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    out: dict[str, torch.Tensor] = {}
    if case == "vit":
        inputs = {"pixel_values": torch.randn((1, 3, 12, 12), generator=random)}
        out["pixels"] = inputs["pixel_values"]
    else:
        ids = torch.randint(4, V, (2 if "bert" in case else 1, 12), generator=random)
        inputs = {"input_ids": ids}
        if "bert" in case:
            ids[:, 5] = SEP
            ids[1, 9:] = model.config.pad_token_id
            inputs["attention_mask"] = (ids != model.config.pad_token_id).long()
            types = torch.zeros_like(ids)
            if model.config.type_vocab_size > 1:
                types[:, 6:] = 1
                types[1, 9:] = 0
            inputs["token_type_ids"] = types
        out["tokens"] = ids.clone()
    prefix, inside = places(case)
    layer = 1
    modules, hooks = dict(model.named_modules()), []
    for site, (module, side) in inside.items():
        def keep(_, args, result, site=site, side=side):
            value = args[0] if side == "in" else result
            out[f"blocks.{layer}.{site}"] = value.detach().clone()
        hooks.append(modules[prefix.replace("{i}", str(layer)) + module].register_forward_hook(keep))
    with torch.no_grad():
        result = model(**inputs, output_hidden_states=True, output_attentions=True)
    for hook in hooks:
        hook.remove()
    out[f"blocks.{layer}.hook_resid_pre"] = result.hidden_states[layer]
    out[f"blocks.{layer}.attn.hook_pattern"] = result.attentions[layer]
    if "logits" in result:
        out["logits"] = result.logits
    else:
        out["last_hidden_state"] = result.last_hidden_state
        out["pooler_output"] = result.pooler_output
    if case == "phi3":
        ids = torch.randint(4, V, (1, 30), generator=random)
        with torch.no_grad():
            out["tokens_long"], out["logits_long"] = ids, model(input_ids=ids).logits
    return {name: value.contiguous() for name, value in out.items()}


def tokenizer_json() -> dict:
    characters = [chr(c) for c in range(0x30, 0x30 + V - 4)]
    vocab = {token: i for i, token in enumerate(["[PAD]", "[CLS]", "[UNK]", "[SEP]", *characters])}
    special = [{"id": i, "content": c, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False} for c, i in list(vocab.items())[:4]]
    return {"version": "1.0", "added_tokens": special, "normalizer": None, "pre_tokenizer": None, "post_processor": None,
            "decoder": None, "model": {"type": "BPE", "vocab": vocab, "merges": []}}


# ---- GGUF, as llama.cpp's convert_hf_to_gguf.py writes it ----
BLOCK = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
    "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}
WHOLE = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "wte": "token_embd", "wpe": "position_embd",
         "ln_f": "output_norm", "embed_in": "token_embd", "final_layer_norm": "output_norm", "embed_out": "output",
         "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
         "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm"}
ARCHITECTURE = {"gpt2": "gpt2", "gpt_neox": "gptneox", "gpt_neox_serial": "gptneox", "llama2": "llama", "llama3": "llama",
                "smollm2": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2", "gemma3": "gemma3",
                "phi3": "phi3", "bert_pooler": "bert"}


def permuted(w: np.ndarray, heads: int) -> np.ndarray:
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def write_gguf(path: str, case: str, model: torch.nn.Module, stored: torch.dtype) -> None:
    config, name = model.config, ARCHITECTURE[case]
    writer = gguf.GGUFWriter(path, name)
    get = lambda *keys: next((getattr(config, k) for k in keys if getattr(config, k, None) is not None), None)
    heads = get("num_attention_heads", "n_head")
    kv = get("num_key_value_heads") or heads
    head_dim = get("head_dim") or get("hidden_size", "n_embd") // heads
    layers = get("num_hidden_layers", "n_layer")
    writer.add_context_length(get("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(get("hidden_size", "n_embd"))
    writer.add_block_count(layers)
    writer.add_feed_forward_length(get("intermediate_size") or 4 * config.n_embd)
    writer.add_head_count(heads)
    if name not in ("gpt2", "gptneox", "bert"):
        writer.add_head_count_kv(kv)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_key_length(head_dim)
    else:
        writer.add_layer_norm_eps(get("layer_norm_epsilon", "layer_norm_eps"))
    rope = getattr(config, "rope_parameters", None) or {}
    full = rope.get("full_attention", rope)
    if full:
        writer.add_rope_freq_base(full["rope_theta"])
        writer.add_rope_dimension_count(int(head_dim * full.get("partial_rotary_factor", 1)))
    tensors: dict[str, np.ndarray] = {}
    if name == "gptneox":
        writer.add_parallel_residual(config.use_parallel_residual)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if name.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if case == "gemma3":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(full["factor"])
        writer.add_float32("gemma3.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
    if case == "llama3":
        half = head_dim // 2
        original, low, high = 16, 1.0, 4.0
        wave = 2 * np.pi * full["rope_theta"] ** (np.arange(half) / half)
        smooth = (original / wave - low) / (high - low)
        between = 1 / ((1 - smooth) / full["factor"] + smooth)
        tensors["rope_freqs.weight"] = np.where(
            wave < original / high, 1, np.where(wave > original / low, full["factor"], between)).astype(np.float32)
    if case == "phi3":
        writer.add_rope_scaling_orig_ctx_len(16)
        writer.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(48 / 16) / np.log(16))))
        tensors["rope_factors_long.weight"] = np.array(FACTORS["long_factor"], np.float32)
        tensors["rope_factors_short.weight"] = np.array(FACTORS["short_factor"], np.float32)
    for full_name, p in model.state_dict().items():
        key = full_name
        for prefix in ("model.", "transformer.", "gpt_neox.", "bert."):
            key = key.removeprefix(prefix)
        x = p.numpy()
        stem, kind = key.rsplit(".", 1)
        if key.startswith("pooler") or (stem == "lm_head" and config.tie_word_embeddings):
            continue
        if case.startswith("gemma") and "norm" in key:
            x = x + 1
        if stem in WHOLE:
            tensors[f"{WHOLE[stem]}.{kind}"] = x
            continue
        i, inner = stem.removeprefix("layers.").removeprefix("h.").removeprefix("encoder.layer.").split(".", 1)
        theirs = BLOCK.get(inner)
        if case.startswith("gemma"):
            theirs = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                      "post_feedforward_layernorm": "post_ffw_norm"}.get(inner, theirs)
        if name == "llama" and inner in ("self_attn.q_proj", "self_attn.k_proj"):
            x = permuted(x, heads if "q_proj" in inner else kv)
        if case == "gpt2" and x.ndim == 2:
            x = x.T
        if inner == "attention.query_key_value":
            x = np.concatenate(list(np.moveaxis(x.reshape(heads, 3, head_dim, *x.shape[1:]), 1, 0)), 0).reshape(x.shape)
        tensors[f"blk.{i}.{theirs}.{kind}"] = x
    for key, x in tensors.items():
        x = np.ascontiguousarray(x, dtype=np.float32)
        if x.ndim == 2:
            kind = getattr(gguf.GGMLQuantizationType, {torch.float32: "F32", torch.float16: "F16"}.get(stored, "BF16"))
            writer.add_tensor(key, gguf.quants.quantize(x, kind), raw_dtype=kind)
        else:
            writer.add_tensor(key, x)
    tokens = list(tokenizer_json()["model"]["vocab"])
    if name == "bert":
        writer.add_tokenizer_model("bert")
        writer.add_sep_token_id(SEP)
        writer.add_pad_token_id(PAD)
        writer.add_unk_token_id(2)
        writer.add_bos_token_id(1)
        tokens = [t if t.startswith("[") else f"▁{t}" for t in tokens]
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges([])
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 4 + [1] * (V - 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder: str) -> None:
    for seed, (case, model) in enumerate(CASES.items()):
        stored = STORED.get(case, torch.bfloat16)
        model = model.eval()
        model.set_attn_implementation("eager")
        randomise(model, seed, stored, case.startswith("gemma"))
        target = f"{folder}/{case}"
        os.makedirs(target, exist_ok=True)
        values = expected(case, model)
        save_file(values, f"{target}/expected.safetensors")
        if case in ARCHITECTURE:
            write_gguf(f"{target}/model.gguf", case, model, stored)
        model.to(stored).save_pretrained(target, max_shard_size=SHARDED.get(case, "1GB"))
        for extra in ("generation_config.json",):
            if os.path.exists(f"{target}/{extra}"):
                os.remove(f"{target}/{extra}")
        if case != "vit":
            json.dump(tokenizer_json(), open(f"{target}/tokenizer.json", "w"))
        if "bert" in case:
            json.dump({"sep_token": "[SEP]", "cls_token": "[CLS]"}, open(f"{target}/tokenizer_config.json", "w"))
    json.dump({"made_by": "families.py", "transformers": t.__version__, "torch": torch.__version__,
               "gguf": "0.19"}, open(f"{folder}/versions.json", "w"))


if __name__ == "__main__":
    main(sys.argv[1])
