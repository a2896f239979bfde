"""Descent on the cliff, with and without clipping: `python -m lstm_lab clip`.

A single path says nothing here: near the cliff a start moved by 1e-9 ends elsewhere. So every line of the table is a
distribution over many starts within ±1e-3 of one point, and the last starting points are ones where clipping does not
help: it bounds the length of a step, it does not choose the side of the cliff. Both parameters are single numbers, so
that clipnorm and clipvalue are the same here.

Next: fast/fused_cells.py
"""

import json
from typing import NamedTuple

import numpy as np

from lstm_lab import clipping
from lstm_lab.config import ClipOptions
from transformer_tutorial.runtime.command_line import known

CHECKED_WIDTHS = (4.1, 4.5, 5.0, 6.0)
CHECKED_STEPS = (10, 30, 50)
STARTS = ((6.0, -3.00, 0.5), (5.0, -2.45, 0.1), (5.8, -3.05, 0.1), (6.0, -3.00, 0.02))
"""Starting points w, b with a learning rate; from the last two clipping does not rescue the descent."""

SPREAD, PLATEAU = 1e-3, 0.05
CLIPPINGS = {"none": lambda gradients, v: gradients, **clipping.CLIPPINGS}


class Paths(NamedTuple):
    """Descents from several starts at once.

    Attributes:
        w, b: (updates + 1, starts), the parameters before the first update and after each.
        losses: (updates + 1, starts).
        step_lengths: (updates, starts), how far each update went.
    """

    w: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    step_lengths: np.ndarray


class Outcome(NamedTuple):
    """What became of the descents from one starting point with one way of clipping.

    Attributes:
        w, b, learning_rate: where they started, and how fast they went.
        clipping: the way of clipping, or "none".
        median_loss: of the loss at the end.
        share_on_plateau: the share of descents that end with a loss above 0.05, in [0, 1].
        median_largest_step: of the length of each descent's longest update.
    """

    w: float
    b: float
    learning_rate: float
    clipping: str
    median_loss: float
    share_on_plateau: float
    median_largest_step: float


def run(options: ClipOptions) -> int:
    """Prints the gradients on the cliff and the outcomes of descent."""
    found = outcomes(options)
    if options.json:
        print(json.dumps([outcome._asdict() for outcome in found], indent=1))
    else:
        print(cliff_table())
        print()
        print(outcome_table(found, options))
    return 0


def descend(
    w: np.ndarray, b: np.ndarray, learning_rate: float, updates: int, clip: str = "none", threshold: float = 0.5
) -> Paths:
    """Gradient descent from each of several starts (w, b), with one of CLIPPINGS or "none"."""
    known(clip, CLIPPINGS, "clipping")
    path = [(np.array(w, float), np.array(b, float))]
    losses, lengths = [], []
    for _ in range(updates):
        w, b = path[-1]
        loss, d_w, d_b = clipping.loss_and_gradient(w, b)
        for start in np.flatnonzero(np.hypot(d_w, d_b) > threshold):  # no way of clipping changes a shorter gradient
            d_w[start], d_b[start] = CLIPPINGS[clip]([d_w[start], d_b[start]], threshold)
        path.append((w - learning_rate * d_w, b - learning_rate * d_b))
        losses.append(loss)
        lengths.append(learning_rate * np.hypot(d_w, d_b))
    all_w, all_b = (np.stack(part) for part in zip(*path, strict=True))
    losses.append(clipping.loss_and_gradient(all_w[-1], all_b[-1])[0])
    return Paths(all_w, all_b, np.stack(losses), np.stack(lengths))


def outcomes(options: ClipOptions) -> list[Outcome]:
    """Every starting point with every way of clipping, from the same starts."""
    found = []
    for w, b, rate in STARTS:
        random = np.random.default_rng(options.seed)
        near_w, near_b = (centre + random.uniform(-SPREAD, SPREAD, options.starts) for centre in (w, b))
        for name in CLIPPINGS:
            paths = descend(near_w, near_b, rate, options.updates, name, options.threshold)
            end = paths.losses[-1]
            longest = np.median(paths.step_lengths.max(axis=0))
            found.append(Outcome(w, b, rate, name, *map(float, (np.median(end), np.mean(end > PLATEAU), longest))))
    return found


def cliff_table() -> str:
    """The gradient on the line where x[0] is a fixed point, by back-propagation: it grows like λ^T."""
    lines = ["The gradient norm on the cliff b = 0.5 - 0.622459 w", f"{'w':>4} {'b':>10} {'lambda':>9}"]
    lines[1] += "".join(f"{f'T={steps}':>13}" for steps in CHECKED_STEPS)
    for w in CHECKED_WIDTHS:
        b = clipping.cliff_line(w)
        norms = [np.hypot(*clipping.loss_and_gradient(w, b, steps)[1:]) for steps in CHECKED_STEPS]
        lines.append(f"{w:4.1f} {b:10.6f} {clipping.cliff_factor(w):9.6f}" + "".join(f"{n:13.6g}" for n in norms))
    return "\n".join(lines)


def outcome_table(found: list[Outcome], options: ClipOptions) -> str:
    """The outcomes as text, one a line."""
    lines = [
        f"Descent from {options.starts} starts near a point, {options.updates} updates, "
        f"threshold {options.threshold:g}",
        f"{'w':>4} {'b':>6} {'rate':>5}  {'clipping':15} median loss loss > 0.05 longest update",
    ]
    for row in found:
        lines.append(
            f"{row.w:4.1f} {row.b:6.2f} {row.learning_rate:5.2f}  {row.clipping:15} {row.median_loss:11.4f} "
            f"{row.share_on_plateau:11.0%} {row.median_largest_step:14.3f}"
        )
    return "\n".join(lines)
