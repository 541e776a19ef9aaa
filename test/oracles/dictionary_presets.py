"""Defaults of SAELens' and dictionary_learning's trainers, read off the libraries themselves: signatures, fresh trainers, what they do.

    pip install sae-lens dictionary-learning
    python dictionary_presets.py > dictionary_presets.json
"""
import contextlib
import importlib.metadata
import inspect
import json
import sys
import warnings

import torch

warnings.filterwarnings("ignore")
with contextlib.redirect_stdout(sys.stderr):
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.gdm import GatedSAETrainer
    from dictionary_learning.trainers.jumprelu import JumpReluTrainer
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
    from dictionary_learning.trainers.p_anneal import PAnnealTrainer
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import TopKTrainer
    from sae_lens import LanguageModelSAERunnerConfig
    from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAEConfig
    from sae_lens.saes.gated_sae import GatedTrainingSAEConfig
    from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAEConfig
    from sae_lens.saes.matching_pursuit_sae import MatchingPursuitTrainingSAEConfig
    from sae_lens.saes.matryoshka_batchtopk_sae import MatryoshkaBatchTopKTrainingSAEConfig
    from sae_lens.saes.standard_sae import StandardTrainingSAEConfig
    from sae_lens.saes.topk_sae import TopKTrainingSAEConfig
    from sae_lens.registry import get_sae_training_class
    from sae_lens.training.sae_trainer import SAETrainer

D, F, STEPS = 16, 4096, 50_000


def reads_bias(read, bias):
    """Whether what the encoder makes of a row depends on b_dec."""
    x = torch.randn(8, D)
    with torch.no_grad():
        before = read(x).clone()
        bias.data = torch.full_like(bias, 3.0)
        after = read(x)
        bias.data = torch.zeros_like(bias)
    return not torch.equal(before, after)


def norm(rows):
    return round(float(rows.detach().norm(dim=-1).mean()), 5)


def dictionary_learning(trainer):
    """What a trainer without any option of its own does."""
    ae = trainer.ae
    source = inspect.getsource(type(trainer))
    group = trainer.optimizer.param_groups[0]
    linear = hasattr(ae, "encoder")
    bias = next(getattr(ae, name) for name in ("b_dec", "decoder_bias", "bias") if isinstance(getattr(ae, name, None), torch.nn.Parameter))
    get = lambda name, other=None: getattr(trainer, name, other)
    if "use_threshold" in inspect.signature(ae.encode).parameters:
        read = lambda x: ae.encode(x, use_threshold=False)
    elif isinstance(trainer, GatedSAETrainer):
        read = lambda x: ae.encode(x, return_gate=True)[1]
    elif isinstance(trainer, JumpReluTrainer):
        read = lambda x: ae.encode(x, output_pre_jump=True)[1]
    else:
        read = ae.encode
    weights = get("group_weights")
    return {
        "learningRate": get("lr"),
        "warmUp": get("warmup_steps"),
        "beta1": group["betas"][0],
        "beta2": group["betas"][1],
        "epsilon": group["eps"],
        "clip": 1.0 if "clip_grad_norm_" in source else None,
        "decoderNorm": "unit" if "ConstrainedAdam" in source or "set_decoder_norm_to_unit_norm" in source else "free",
        "penalty": get("l1_penalty", get("sparsity_coefficient", get("sparsity_coeff"))),
        "penaltyWarmUp": get("sparsity_warmup_steps"),
        "preBias": reads_bias(read, bias),
        "startBias": "geometric-median" if "geometric_median" in source else "zero",
        "encoderStartNorm": norm(ae.encoder.weight if linear else ae.W_enc.T),
        "auxiliary": get("auxk_alpha"),
        "auxiliaryFeatures": get("top_k_aux"),
        "deadAfter": get("dead_feature_threshold") if "auxk_alpha" in source else None,
        "thresholdKept": get("threshold_beta"),
        "thresholdFrom": get("threshold_start_step"),
        "threshold": float(ae.threshold[0]) if isinstance(trainer, JumpReluTrainer) else None,
        "bandwidth": get("bandwidth"),
        "targetL0": get("target_l0"),
        "pStart": get("anneal_start"),
        "pFrom": get("p_start"),
        "pTo": get("p_end"),
        "pUpdates": get("n_sparsity_updates"),
        "pQueue": get("sparsity_queue_length"),
        "pForm": get("sparsity_function"),
        # The trainer takes the mean over groups of losses that are weighed already.
        "groupWeight": None if weights is None else weights[0] / len(weights),
    }


def runner_defaults():
    fields = {name: p.default for name, p in inspect.signature(LanguageModelSAERunnerConfig).parameters.items()}
    assert "clip_grad_norm_(sae.parameters(), 1.0)" in inspect.getsource(SAETrainer)
    return {
        "learningRate": fields["lr"],
        "schedule": fields["lr_scheduler_name"],
        "warmUp": fields["lr_warm_up_steps"],
        "decay": fields["lr_decay_steps"],
        "beta1": fields["adam_beta1"],
        "beta2": fields["adam_beta2"],
        "clip": 1.0,
        "batch": fields["train_batch_size_tokens"],
        "tokens": fields["training_tokens"],
        "deadSteps": fields["dead_feature_window"],
        "seed": fields["seed"],
    }


def saelens_kind(config, **more):
    c = config(d_in=D, d_sae=F, **more)
    sae = get_sae_training_class(c.architecture())[0](c)
    get = lambda name: getattr(c, name, None)
    return {
        "penalty": get("l1_coefficient") if get("l1_coefficient") is not None else get("l0_coefficient"),
        "penaltyWarmUp": get("l1_warm_up_steps") if get("l1_warm_up_steps") is not None else get("l0_warm_up_steps"),
        "k": get("k"),
        "byDecoderNorm": get("rescale_acts_by_decoder_norm"),
        "auxiliary": get("aux_loss_coefficient"),
        "thresholdLearns": get("topk_threshold_lr"),
        "threshold": get("jumprelu_init_threshold"),
        "bandwidth": get("jumprelu_bandwidth"),
        "l0Mode": get("jumprelu_sparsity_loss_mode"),
        "targetL0": get("target_l0"),
        "preBias": c.apply_b_dec_to_input,
        "normalise": c.normalize_activations,
        "decoderStartNorm": norm(sae.W_dec),
        "encoderStartNorm": norm(sae.W_enc.T),
        "b_dec": float(sae.b_dec.abs().max()),
    }


torch.manual_seed(0)
about = dict(steps=STEPS, activation_dim=D, dict_size=F, layer=0, lm_name="none", device="cpu")
with contextlib.redirect_stdout(sys.stderr):
    dl = {
        "relu": dictionary_learning(StandardTrainer(**about)),
        "p-anneal": dictionary_learning(PAnnealTrainer(**about)),
        "gated": dictionary_learning(GatedSAETrainer(**about)),
        "topk": dictionary_learning(TopKTrainer(**about, k=8)),
        "batchtopk": dictionary_learning(BatchTopKTrainer(**about, k=8)),
        "jumprelu": dictionary_learning(JumpReluTrainer(**about)),
        "matryoshka": dictionary_learning(MatryoshkaBatchTopKTrainer(**about, k=8, group_fractions=[0.25, 0.75])),
    }
    sl = {
        "relu": saelens_kind(StandardTrainingSAEConfig),
        "gated": saelens_kind(GatedTrainingSAEConfig),
        "topk": saelens_kind(TopKTrainingSAEConfig),
        "batchtopk": saelens_kind(BatchTopKTrainingSAEConfig),
        "jumprelu": saelens_kind(JumpReLUTrainingSAEConfig),
        "matryoshka": saelens_kind(MatryoshkaBatchTopKTrainingSAEConfig, matryoshka_widths=[F // 4, F]),
        "matching-pursuit": saelens_kind(MatchingPursuitTrainingSAEConfig),
    }
version = importlib.metadata.version
said = lambda kinds: {kind: {name: value for name, value in all.items() if value is not None} for kind, all in kinds.items()}
print(json.dumps({
    "sizes": {"width": D, "features": F, "steps": STEPS, "groups": [F // 4, F]},
    "versions": {"sae-lens": version("sae-lens"), "dictionary-learning": version("dictionary-learning")},
    "dictionary_learning": said(dl),
    "saelens": {"shared": runner_defaults(), "kinds": said(sl)},
}))
