"""Run in a process of its own, with KERAS_BACKEND set: what a model computes, how it trains and what it translates.

python numbers_of.py MODEL.keras NUMBERS.npz TRAINED.keras [DEVICES]
"""

import sys

import keras
import numpy as np

from transformer_tutorial.config import Config
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.search import BatchSearch
from transformer_tutorial.learning.optimizer import make_optimizer
from transformer_tutorial.learning.schedule import CustomSchedule
from transformer_tutorial.learning.trainer import TranslationTrainer

DRAW = np.random.default_rng(0)
ROWS = [[2, *DRAW.integers(4, 9, count), 3] for count in DRAW.integers(1, 8, 24)]


def padded(rows: list[list[int]]) -> np.ndarray:
    array = np.zeros((len(rows), 10), "int32")
    for row, ids in zip(array, rows, strict=True):
        row[: len(ids)] = ids
    return array


def batches():
    """Six of four rows; the last rows of one of them are padding only."""
    for first in range(0, 24, 4):
        source, target = padded(ROWS[first : first + 4]), padded(ROWS[first : first + 4][::-1])
        if first == 8:
            source[2:] = target[2:] = 0
        yield (source, target[:, :-1]), target[:, 1:]


def main(model_file: str, numbers_file: str, trained_file: str, devices: str = "1") -> None:
    if int(devices) > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    model = keras.saving.load_model(model_file)
    (inputs, _), *_ = batches()
    numbers = {"logits": model(inputs), "rates": [CustomSchedule(8, 4)(step) for step in range(9)]}
    source = [np.array(row, "int32") for row in ROWS if len(row) <= 8]
    for name, search in {"greedy": None, "beam": BeamSearch(3, 1.0)}.items():
        found = [translation[0] for translation in BatchSearch(model, search, 12).translations(source)]
        numbers[f"{name} ids"] = padded([one.ids.tolist()[:10] for one in found])
        numbers[f"{name} scores"] = [one.score for one in found]
    trainer = TranslationTrainer(model, label_smoothing=0.1)
    optimizer = make_optimizer(Config(d_model=8, warmup_steps=4, clip_norm=0.5), total_steps=6)
    optimizer.epsilon = 1e-2  # biases of keys have gradients that are zero but for rounding, which Adam would blow up
    trainer.compile(optimizer)
    # Not `train_on_batch`, which Keras 3.13 cannot spread over devices on JAX.
    steps = [trainer.fit(*batch, batch_size=4, shuffle=False, verbose=0).history for batch in batches()]
    numbers["losses"] = [step["loss"][0] for step in steps]
    numbers["accuracies"] = [step["accuracy"][0] for step in steps]
    numbers["weights"] = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    model.save(trained_file)
    np.savez(numbers_file, **{name: np.asarray(value) for name, value in numbers.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
