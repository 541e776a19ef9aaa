"""Ten steps of the trainers of dictionary_learning and SAELens themselves, from the same weights on the same rows.

    pip install sae-lens dictionary-learning
    python dictionary_steps.py > dictionary_steps.json

Rates are constant (a warm-up of theirs begins at 0, one of ours at 1/n) and no feature is dead (their counts are a batch
ahead of ours). dictionary_learning's JumpReLU is left out: its L0 has no gradient from below.
"""
import contextlib
import json
import sys
import warnings

import torch

warnings.filterwarnings("ignore")
with contextlib.redirect_stdout(sys.stderr):
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.gdm import GatedSAETrainer
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
    from dictionary_learning.trainers.p_anneal import PAnnealTrainer
    from dictionary_learning.trainers.standard import StandardTrainer, StandardTrainerAprilUpdate
    from dictionary_learning.trainers.top_k import TopKTrainer
    from sae_lens.registry import get_sae_training_class
    from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAEConfig
    from sae_lens.saes.gated_sae import GatedTrainingSAEConfig
    from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAEConfig
    from sae_lens.saes.matryoshka_batchtopk_sae import MatryoshkaBatchTopKTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput
    from sae_lens.saes.standard_sae import StandardTrainingSAEConfig
    from sae_lens.saes.topk_sae import TopKTrainingSAEConfig

D, F, B, STEPS, RATE = 6, 16, 24, 10, 1e-2
torch.manual_seed(5)
rows = torch.randn(STEPS * B, D) + 0.5
numbers = lambda t: [round(float(v), 7) for v in t.detach().flatten()]


def shake(parameters):
    """Biases that are not 0, so that a forgotten one shows."""
    for name, p in parameters:
        if p.dim() == 1 and "threshold" not in name:
            p.data += 0.1 * torch.randn_like(p)


def ours(module):
    """The parameters by our names: rows of features."""
    p = dict(module.named_parameters())
    linear = "encoder.weight" in p
    out = {
        "W_enc_FD": p["encoder.weight"] if linear else p["W_enc"].T,
        "W_dec_FD": p["decoder.weight"].T if linear else p["W_dec"],
    }
    pick = lambda *names: next((p[name] for name in names if name in p), None)
    out["b_enc_F"] = pick("encoder.bias", "b_enc", "gate_bias", "b_gate")
    out["b_dec_D"] = pick("b_dec", "decoder_bias", "bias", "decoder.bias")
    out["r_mag_F"] = pick("r_mag")
    out["b_mag_F"] = pick("mag_bias", "b_mag")
    out["threshold_F"] = pick("threshold")
    return {name: numbers(value) for name, value in out.items() if value is not None}


def dictionary_learning(kind, trainer_class, config, **options):
    trainer = trainer_class(
        steps=STEPS, activation_dim=D, dict_size=F, layer=0, lm_name="none", device="cpu", lr=RATE, warmup_steps=1, **options
    )
    trainer.scheduler = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, lr_lambda=lambda step: 1.0)
    shake(trainer.ae.named_parameters())
    # Their first step would set b_dec to a median, and decoder rows of 0.1 to 1.
    decoder = trainer.ae.decoder.weight if hasattr(trainer.ae, "decoder") else trainer.ae.W_dec
    if config.get("decoderNorm") != "free":
        decoder.data /= decoder.data.norm(dim=0 if hasattr(trainer.ae, "decoder") else 1, keepdim=True)
    before = ours(trainer.ae)
    first = 0 if kind == "p-anneal" else 1
    for step in range(STEPS):
        trainer.update(step + first, rows[step * B : (step + 1) * B])
    return {"preset": "dictionary_learning", "config": {"architecture": kind, **config}, "before": before, "after": ours(trainer.ae)}


def saelens(kind, config_class, config=None, **options):
    c = config_class(d_in=D, d_sae=F, **options)
    sae = get_sae_training_class(c.architecture())[0](c)
    shake(sae.named_parameters())
    before = ours(sae)
    optimizer = torch.optim.Adam(sae.parameters(), lr=RATE, betas=(0.9, 0.999))
    coefficients = {name: v.value if hasattr(v, "value") else v for name, v in sae.get_coefficients().items()}
    for step in range(STEPS):
        out = sae.training_forward_pass(
            TrainStepInput(rows[step * B : (step + 1) * B], coefficients, None, step, False)
        )
        out.loss.backward()
        # As SAETrainer does.
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return {"preset": "saelens", "config": {"architecture": kind, **(config or {})}, "before": before, "after": ours(sae)}


no_warmup = {"sparsity_warmup_steps": None}
with contextlib.redirect_stdout(sys.stderr):
    cases = [
        dictionary_learning("relu", StandardTrainer, {}, **no_warmup),
        dictionary_learning(
            "relu",
            StandardTrainerAprilUpdate,
            {"decoderNorm": "free", "penaltyForm": "decoder-norm", "decoderStartNorm": 0.1, "clip": 1},
            **no_warmup,
        ),
        dictionary_learning("gated", GatedSAETrainer, {}, **no_warmup),
        dictionary_learning("topk", TopKTrainer, {"k": 3}, k=3),
        dictionary_learning("batchtopk", BatchTopKTrainer, {"k": 3}, k=3),
        dictionary_learning(
            "matryoshka", MatryoshkaBatchTopKTrainer, {"k": 3, "groups": [4, 16]}, k=3, group_fractions=[0.25, 0.75]
        ),
        dictionary_learning(
            "p-anneal",
            PAnnealTrainer,
            {"pStart": 2, "pUpdates": 4, "pQueue": 2, "pTo": 0.5},
            anneal_start=2,
            n_sparsity_updates=4,
            sparsity_queue_length=2,
            # At its default of 0 the trainer divides by p when that comes next.
            p_end=0.5,
            **no_warmup,
        ),
        saelens("relu", StandardTrainingSAEConfig),
        saelens("gated", GatedTrainingSAEConfig),
        saelens("topk", TopKTrainingSAEConfig, {"k": 3}, k=3),
        saelens("batchtopk", BatchTopKTrainingSAEConfig, {"k": 3}, k=3),
        saelens("jumprelu", JumpReLUTrainingSAEConfig),
        saelens(
            "matryoshka", MatryoshkaBatchTopKTrainingSAEConfig, {"k": 3, "groups": [4, 16]}, k=3, matryoshka_widths=[4, 16]
        ),
    ]
print(json.dumps({"sizes": {"width": D, "features": F, "batch": B, "steps": STEPS, "rate": RATE}, "rows": numbers(rows), "cases": cases}))
