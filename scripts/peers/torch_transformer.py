"""The architecture of a config, built from `torch.nn.Transformer`; run as a program, it trains what it is sent.

A process of its own, because the threads of PyTorch and TensorFlow would get into each other's way in one. It reads
pickles from stdin: first a `Settings` as a dictionary, then one list of batches a turn; it answers each list with
(real target tokens, seconds, seconds of processor time) on stdout, and waits idle in between.

PyTorch is given its best ordinary way: a fused Adam, no padding mask on the target (the causal mask hides padding at
the end already), and no accuracy to compute.
"""

import pickle
import sys
import time
from typing import NamedTuple

import numpy as np
import torch
from torch import nn


class Settings(NamedTuple):
    """Shape and training of the model.

    Attributes:
        bfloat16: matrix products in bfloat16, by autocast.
        threads: of PyTorch; as many as TensorFlow uses.
    """

    num_layers: int
    d_model: int
    num_heads: int
    dff: int
    dropout_rate: float
    input_vocab_size: int
    target_vocab_size: int
    warmup_steps: int
    beta_2: float
    bfloat16: bool
    threads: int
    seed: int = 0


class TorchTranslator(nn.Module):
    """From source ids, (B, S), and target ids, (B, T), to logits, (B, T, V)."""

    def __init__(self, settings: Settings, max_length: int = 2048):
        super().__init__()
        d_model = settings.d_model
        self.scale = d_model**0.5
        self.source = nn.Embedding(settings.input_vocab_size, d_model)
        self.target = nn.Embedding(settings.target_vocab_size, d_model)
        self.register_buffer("positions", sinusoids(max_length, d_model))
        self.dropout = nn.Dropout(settings.dropout_rate)
        self.transformer = nn.Transformer(
            d_model,
            settings.num_heads,
            settings.num_layers,
            settings.num_layers,
            settings.dff,
            settings.dropout_rate,
            batch_first=True,
        )
        self.project = nn.Linear(d_model, settings.target_vocab_size)

    def forward(self, source, target):
        source_padding = source == 0
        x = self.transformer(
            self._embed(self.source, source),
            self._embed(self.target, target),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(target.shape[1]),
            tgt_is_causal=True,
            src_key_padding_mask=source_padding,
            memory_key_padding_mask=source_padding,
        )
        return self.project(x)

    def _embed(self, embedding, ids):
        return self.dropout(embedding(ids) * self.scale + self.positions[: ids.shape[1]])


def sinusoids(length: int, depth: int) -> torch.Tensor:
    """Positions, float32, (length, depth): sines, then cosines."""
    half = depth // 2
    angle = np.arange(length)[:, np.newaxis] / 10000 ** (np.arange(half) / half)
    return torch.tensor(np.concatenate([np.sin(angle), np.cos(angle)], axis=1), dtype=torch.float32)


class Trainer:
    """A `TorchTranslator` with Adam and the paper's schedule.

    Attributes:
        loss: of the last batch, in nats a real token.
    """

    def __init__(self, settings: Settings):
        torch.manual_seed(settings.seed)
        self.model = TorchTranslator(settings)
        self.bfloat16 = settings.bfloat16
        optimizer = torch.optim.Adam(
            self.model.parameters(), lr=1.0, betas=(0.9, settings.beta_2), eps=1e-9, fused=True
        )
        peak, warmup = settings.d_model**-0.5, settings.warmup_steps
        self.optimizer = optimizer
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: peak * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)
        )

    def step(self, source, target, labels) -> float:
        """One update; returns the mean negative log likelihood of the real tokens."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.model(source, target)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def train(self, batches) -> tuple[int, float, float]:
        """Trains on ((source, target input), labels) NumPy batches: (real target tokens, seconds, CPU seconds)."""
        began, cpu_began = time.perf_counter(), time.process_time()
        for (source, target), labels in batches:
            self.loss = self.step(*(torch.from_numpy(ids).long() for ids in (source, target, labels)))
            if not np.isfinite(self.loss):
                raise RuntimeError(f"the loss is {self.loss}.")
        tokens = sum(int(np.count_nonzero(labels)) for _, labels in batches)
        return tokens, time.perf_counter() - began, time.process_time() - cpu_began


def main() -> None:
    """Serves one parent until it closes the pipe."""
    settings = Settings(**pickle.load(sys.stdin.buffer))
    torch.set_num_threads(settings.threads)
    trainer = Trainer(settings)
    while True:
        try:
            batches = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(trainer.train(batches), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
