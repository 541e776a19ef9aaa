"""One peer trainer as a process: reads one JSON command a line from standard input, answers with one JSON line.

{"setup": {...}} loads the activations and builds the library's own TopK trainer; {"train": n} runs n of its own
training steps on the next batches and answers their seconds; {"evaluate": true} answers the held-out FVE.
"""

import json
import sys
import time

import numpy as np
import torch


def rows(path, width):
    return torch.from_numpy(np.fromfile(path, dtype=np.float32).reshape(-1, width))


class DictionaryLearning:
    """dictionary_learning's TopKTrainer.update: geometric median, projection, clipping, Adam, schedule, unit norm."""

    def __init__(self, s):
        from dictionary_learning.trainers.top_k import TopKTrainer

        self.trainer = TopKTrainer(
            steps=s["steps"], activation_dim=s["width"], dict_size=s["features"], k=s["k"], layer=0, lm_name="bench",
            lr=s["rate"], warmup_steps=s["warmUp"], device="cpu", seed=s["seed"],
        )
        self.step = 0

    def update(self, batch):
        self.trainer.update(self.step, batch)
        self.step += 1

    def reconstruct(self, x):
        return self.trainer.ae(x)


class SaeLens:
    """SAELens' SAETrainer with a TopKTrainingSAE: its own step, which clips, and the body of its fit() loop."""

    def __init__(self, s):
        from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        torch.manual_seed(s["seed"])
        self.sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=s["width"], d_sae=s["features"], k=s["k"]))
        config = SAETrainerConfig(
            total_training_samples=s["steps"] * s["batch"], train_batch_size_samples=s["batch"], lr=s["rate"], lr_end=s["rate"],
            lr_warm_up_steps=s["warmUp"], device="cpu", logger=LoggingConfig(log_to_wandb=False),
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

    def reconstruct(self, x):
        return self.sae.decode(self.sae.encode(x))


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
        else:
            with torch.no_grad():
                error = sum(float((x - peer.reconstruct(x)).double().pow(2).sum()) for x in held_out.split(4096))
                variance = float((held_out.double() - held_out.double().mean(0)).pow(2).sum())
            answer = {"fve": 1 - error / variance}
        print(json.dumps(answer), file=protocol, flush=True)


if __name__ == "__main__":
    # Libraries print on standard output, which is the protocol's: they get standard error instead.
    protocol, sys.stdout = sys.stdout, sys.stderr
    main(protocol)
