"""Pictures of the data and the training: positions, learning rate, sentence lengths, training history.

Arrays in, a `matplotlib.figure.Figure` out; `save_figure` from `runtime/figure_style.py` writes it. Needs no
TensorFlow. The pictures of attention are in `attention_figures.py`.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import COLOURS, DIVERGING, drawing_style, new_figure

PAGE_WIDTH = 8.0  # inches


@drawing_style()
def plot_positions(encoding: np.ndarray) -> Figure:
    """Heat map of a positional encoding, positions along x and depth along y.

    Args:
        encoding: float, (length, d_model), sines in the first half of the depth and cosines in the second.

    Raises:
        ValueError: `encoding` has another number of axes.
    """
    encoding = _matrix(encoding)
    length, depth = encoding.shape
    figure = new_figure(PAGE_WIDTH, 3.4)
    axes = figure.subplots()
    image = axes.imshow(encoding.T, origin="lower", aspect="auto", cmap=DIVERGING, vmin=-1, vmax=1)
    axes.axhline(depth / 2 - 0.5, color="black", linewidth=0.8)
    for name, middle in (("sine", 0.25), ("cosine", 0.75)):
        axes.text(1.01, middle, name, transform=axes.transAxes, rotation=90, va="center")
    axes.set(xlabel="position", ylabel="depth", title=f"Positional encoding of {length:,} positions, d_model {depth}")
    axes.grid(False)
    figure.colorbar(image, label="value", ticks=[-1, 0, 1])
    return figure


@drawing_style()
def plot_position_similarity(encoding: np.ndarray, position: int = 1000) -> Figure:
    """Cosine of the angle between one position's encoding and every other's: all of them, and the nearest 50.

    Args:
        encoding: float, (length, d_model).
        position: the one that is compared, in [0, length).

    Raises:
        ValueError: `encoding` has another number of axes.
        UsageError: `position` is out of range.
    """
    encoding = _matrix(encoding)
    length = len(encoding)
    if not 0 <= position < length:
        raise UsageError(f"position must be from 0 to {length - 1}, the last one encoded, got {position}.")
    directions = encoding / np.maximum(np.linalg.norm(encoding, axis=1, keepdims=True), np.finfo(float).tiny)
    similarity = directions @ directions[position]
    near = (max(position - 50, 0), min(position + 50, length - 1))

    figure = new_figure(PAGE_WIDTH, 4.4)
    everything, zoom = figure.subplots(2, 1)
    for axes in (everything, zoom):
        axes.plot(similarity)
        axes.plot(position, similarity[position], "o", color=COLOURS[1], label=f"position {position:,}")
        axes.set(xlabel="position", ylabel="similarity", ylim=(min(0, similarity.min()) - 0.03, 1.06))
    everything.axvspan(*near, color=COLOURS[4], alpha=0.3, linewidth=0, label="enlarged below")
    everything.set(title="Normalised dot product with every position", xlim=(0, max(length - 1, 1)))
    everything.legend(loc="upper right")
    zoom.set_xlim(near if near[0] < near[1] else None)
    return figure


@drawing_style()
def plot_schedule(
    steps: Sequence[int], rates: Sequence[float] | Mapping[str, Sequence[float]], *, label: str = "learning rate"
) -> Figure:
    """Learning rate against step, with each curve's peak marked and stated.

    Args:
        steps: (N,).
        rates: (N,), or several curves of (N,) under their names.
        label: the name of a single curve.

    Raises:
        ValueError: a curve and `steps` differ in length, or are empty.
    """
    steps = np.asarray(steps)
    curves = rates if isinstance(rates, Mapping) else {label: rates}
    figure = new_figure(PAGE_WIDTH, 3.2)
    axes = figure.subplots()
    for colour, (name, curve) in zip(itertools.cycle(COLOURS), curves.items(), strict=False):
        curve = np.asarray(curve, dtype=float)
        if curve.shape != steps.shape or curve.ndim != 1 or not curve.size:
            raise ValueError(f"rates need one value a step, got {curve.shape} for {steps.shape} steps ({name}).")
        peak = int(np.argmax(curve))
        stated = f"{name}: peak {curve[peak]:.3g} at step {steps[peak]:,}"
        axes.plot(steps, curve, "o-", color=colour, markevery=[peak], label=stated)
    axes.set(xlabel="step", ylabel="learning rate", ylim=(0, None), title="Learning rate schedule")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.legend()
    return figure


@drawing_style()
def plot_token_lengths(
    source_lengths: Sequence[int],
    target_lengths: Sequence[int],
    *,
    source_language: str = "pt",
    target_language: str = "en",
    max_tokens: int = 128,
) -> Figure:
    """Histograms of the sentence lengths in tokens, with median, 95 % point, longest and the number over the limit.

    Args:
        source_lengths: (N,), tokens a sentence.
        target_lengths: (M,), likewise.
        source_language: shown above the left panel.
        target_language: shown above the right panel.
        max_tokens: the limit that is drawn; a sentence of just this length is within it.

    Raises:
        UsageError: there is no sentence.
    """
    sides = {source_language + " (source)": source_lengths, target_language + " (target)": target_lengths}
    for name, lengths in sides.items():
        if not len(lengths):
            raise UsageError(f"sentence lengths need at least one sentence, got none for {name}.")
    longest = max(map(max, sides.values()))
    width = longest // 50 + 1
    bins = np.arange(0, longest + width + 1, width) - 0.5

    figure = new_figure(PAGE_WIDTH, 3.2)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, colour, (name, lengths) in zip(panels, COLOURS, sides.items(), strict=False):
        lengths = np.asarray(lengths)
        axes.hist(lengths, bins=bins, color=colour)
        axes.axvline(max_tokens + 0.5, color="black", linestyle="--", linewidth=1)
        middle, most = np.percentile(lengths, [50, 95])
        axes.set_xlabel("tokens")
        axes.set_title(
            f"{name}: {len(lengths):,} sentences\n"
            f"median {middle:,.0f}, 95 % up to {most:,.0f}, longest {lengths.max():,}\n"
            f"{np.sum(lengths > max_tokens):,} over the limit of {max_tokens:,} tokens"
        )
    panels[0].set_ylabel("sentences")
    panels[0].yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


@drawing_style()
def plot_history(records: Sequence[Mapping[str, float]]) -> Figure:
    """Loss, accuracy and throughput by epoch; the best epoch is the one of least validation loss, else least loss.

    Args:
        records: one an epoch, as in metrics.jsonl: `epoch`, `loss`, `accuracy` (share), `val_loss`, `val_accuracy`,
            `target_tokens_per_second`, `seconds`. All but `epoch` may be missing.

    Raises:
        UsageError: there is no record, or one without its epoch.
    """
    if not records:
        raise UsageError("the history needs at least one finished epoch, got none. Train first.")
    if not all("epoch" in record for record in records):
        raise UsageError("every record of the history needs an 'epoch', got one without.")

    def column(key: str) -> np.ndarray:
        return np.array([record.get(key, math.nan) for record in records], dtype=float)

    epochs, speed = column("epoch"), column("target_tokens_per_second")
    validated = np.isfinite(column("val_loss")).any()
    kind, prefix = ("validation", "val_") if validated else ("training", "")
    losses = column(f"{prefix}loss")
    best = int(np.nanargmin(losses)) if np.isfinite(losses).any() else None

    figure = new_figure(PAGE_WIDTH, 2.9)
    *qualities, throughput = figure.subplots(1, 3)
    for axes, name in zip(qualities, ("loss", "accuracy"), strict=True):
        axes.plot(epochs, column(name), "o-", markersize=3, label="training")
        if validated:
            axes.plot(epochs, column(f"val_{name}"), "s-", markersize=3, label="validation")
        axes.set_title(name)
        if best is not None:
            axes.axvline(epochs[best], color="black", linestyle=":", linewidth=1, label="best epoch")
            axes.set_title(f"{name}\n{kind} {column(prefix + name)[best]:.4g} at epoch {epochs[best]:.0f}")
    # Outside, as inside a panel it can hide the only point.
    figure.legend(*qualities[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    throughput.plot(epochs, speed, "o-", markersize=3, color=COLOURS[2])
    throughput.set(title=f"target tokens a second\n{_duration(np.nansum(column('seconds')))} in all")
    throughput.set_ylim(0, 1.1 * np.nanmax([1, *speed]))
    throughput.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    for axes in figure.axes:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    return figure


def _matrix(encoding: np.ndarray) -> np.ndarray:
    encoding = np.asarray(encoding, dtype=float)
    if encoding.ndim != 2:
        raise ValueError(f"encoding must have the shape (length, d_model), got {encoding.shape}.")
    return encoding


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
