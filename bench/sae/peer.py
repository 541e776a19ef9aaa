"""One peer trainer as a process: reads one JSON command a line from standard input, answers with one JSON line.

{"setup": {...}} loads the activations and builds the library's own trainer of a kind; {"train": n} runs n of its own
training steps on the next batches and answers their seconds; {"evaluate": true} answers FVE and L0 on held-out rows;
{"memory": true} the peak of the process; {"save": folder} writes the dictionary in the library's own form.
"""

import json
import sys
import time

import numpy as np
import torch


def rows(path, width):
    return torch.from_numpy(np.fromfile(path, dtype=np.float32).reshape(-1, width))


class DictionaryLearning:
    """dictionary_learning's own trainers, called as its training loop calls them."""

    def __init__(self, s):
        from dictionary_learning.trainers import batch_top_k, gdm, jumprelu, standard, top_k

        common = dict(
            steps=s["steps"], activation_dim=s["width"], dict_size=s["features"], layer=0, lm_name="bench",
            lr=s["rate"], warmup_steps=s["warmUp"], device="cpu", seed=s["seed"],
            decay_start=s["decayStart"] if s["decayStart"] < s["steps"] else None,
        )
        sparsity = dict(sparsity_warmup_steps=s["sparsityWarmUp"])
        # JumpReluTrainer takes a seed and does not use it.
        torch.manual_seed(s["seed"])
        if s["kind"] == "topk":
            self.trainer = top_k.TopKTrainer(k=s["k"], **common)
        elif s["kind"] == "batchtopk":
            started = {} if "thresholdStart" not in s else dict(
                threshold_start_step=s["thresholdStart"], threshold_beta=s["thresholdBeta"]
            )
            self.trainer = batch_top_k.BatchTopKTrainer(k=s["k"], **common, **started)
        elif s["kind"] == "relu":
            self.trainer = standard.StandardTrainer(l1_penalty=s["coefficient"], **common, **sparsity)
        elif s["kind"] == "gated":
            self.trainer = gdm.GatedSAETrainer(l1_penalty=s["coefficient"], **common, **sparsity)
        elif s["kind"] == "jumprelu":
            self.trainer = jumprelu.JumpReluTrainer(
                target_l0=s["k"], sparsity_penalty=s["coefficient"], bandwidth=s["bandwidth"], **common, **sparsity
            )
        else:
            raise ValueError(s["kind"])
        self.kind = s["kind"]
        self.step = 0

    def update(self, batch):
        self.trainer.update(self.step, batch)
        self.step += 1

    def encode(self, x):
        return self.trainer.ae.encode(x)

    def decode(self, f):
        return self.trainer.ae.decode(f)

    def save(self, folder):
        torch.save(self.trainer.ae.state_dict(), f"{folder}/ae.pt")
        with open(f"{folder}/config.json", "w") as file:
            json.dump({"trainer": self.trainer.config}, file)


class SaeLens:
    """SAELens' SAETrainer: its own step, which clips, and the body of its fit() loop."""

    def __init__(self, s):
        import sae_lens as sl
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        torch.manual_seed(s["seed"])
        size = dict(d_in=s["width"], d_sae=s["features"])
        if s["kind"] == "topk":
            self.sae = sl.TopKTrainingSAE(sl.TopKTrainingSAEConfig(k=s["k"], use_sparse_activations=s["sparse"], **size))
        elif s["kind"] == "batchtopk":
            rate = {} if "thresholdRate" not in s else dict(topk_threshold_lr=s["thresholdRate"])
            self.sae = sl.BatchTopKTrainingSAE(sl.BatchTopKTrainingSAEConfig(k=float(s["k"]), **rate, **size))
        elif s["kind"] == "relu":
            warm = dict(l1_warm_up_steps=s["sparsityWarmUp"])
            self.sae = sl.StandardTrainingSAE(sl.StandardTrainingSAEConfig(l1_coefficient=s["coefficient"], **warm, **size))
        elif s["kind"] == "gated":
            warm = dict(l1_warm_up_steps=s["sparsityWarmUp"])
            self.sae = sl.GatedTrainingSAE(sl.GatedTrainingSAEConfig(l1_coefficient=s["coefficient"], **warm, **size))
        elif s["kind"] == "jumprelu":
            mode = {} if "targetL0" not in s else dict(jumprelu_sparsity_loss_mode="quadratic", target_l0=s["targetL0"])
            self.sae = sl.JumpReLUTrainingSAE(
                sl.JumpReLUTrainingSAEConfig(
                    l0_coefficient=s["coefficient"], l0_warm_up_steps=s["sparsityWarmUp"],
                    jumprelu_bandwidth=s["bandwidth"], **mode, **size,
                )
            )
        else:
            raise ValueError(s["kind"])
        decay = s["steps"] - s["decayStart"]
        config = SAETrainerConfig(
            total_training_samples=s["steps"] * s["batch"], train_batch_size_samples=s["batch"], lr=s["rate"], lr_end=s["rate"],
            lr_warm_up_steps=s["warmUp"], lr_decay_steps=max(decay, 0), device="cpu", logger=LoggingConfig(log_to_wandb=False),
        )
        self.next = None
        self.trainer = SAETrainer(config, self.sae, self.batches())

    def batches(self):
        while True:
            yield self.next

    def update(self, batch):
        self.next = batch
        self.trainer.maybe_reset_sparsity()
        self.trainer.step(next(self.trainer.data_provider))
        self.trainer.n_training_steps += 1

    def encode(self, x):
        if hasattr(self.sae, "topk_threshold"):
            # As its saved form, a JumpReLU dictionary, encodes.
            pre = ((x - self.sae.b_dec) @ self.sae.W_enc + self.sae.b_enc) * self.sae.W_dec.norm(dim=-1)
            return pre.relu() * (pre > self.sae.topk_threshold)
        f = self.sae.encode(x)
        return f.to_dense() if f.is_sparse else f

    def decode(self, f):
        return self.sae.decode(f)

    def save(self, folder):
        self.sae.save_inference_model(folder)


def high_water_mark():
    """Peak resident size of this process in MiB (Linux)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def main(protocol):
    kinds = {"dictionary_learning": DictionaryLearning, "saelens": SaeLens}
    peer = train = held_out = settings = None
    done = 0
    for line in sys.stdin:
        command = json.loads(line)
        if "setup" in command:
            settings = command["setup"]
            torch.set_num_threads(settings["threads"])
            train = rows(settings["train"], settings["width"])
            held_out = rows(settings["heldOut"], settings["width"])
            peer = kinds[sys.argv[1]](settings)
            answer = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        elif "train" in command:
            size = settings["batch"]
            per_pass = len(train) // size
            begun = time.perf_counter()
            for _ in range(command["train"]):
                at = done % per_pass * size
                peer.update(train[at : at + size])
                done += 1
            answer = {"seconds": time.perf_counter() - begun, "steps": done}
        elif "memory" in command:
            answer = {"peakMiB": high_water_mark()}
        elif "save" in command:
            peer.save(command["save"])
            answer = {}
        else:
            error = active = 0.0
            with torch.no_grad():
                for x in held_out[: command.get("rows")].split(1024):
                    f = peer.encode(x)
                    active += float((f != 0).sum())
                    error += float((x - peer.decode(f)).double().pow(2).sum())
                some = held_out[: command.get("rows")].double()
                variance = float((some - some.mean(0)).pow(2).sum())
            answer = {"fve": 1 - error / variance, "l0": active / len(some)}
        print(json.dumps(answer), file=protocol, flush=True)


if __name__ == "__main__":
    # Libraries print on standard output, which is the protocol's: they get standard error instead.
    protocol, sys.stdout = sys.stdout, sys.stderr
    main(protocol)
