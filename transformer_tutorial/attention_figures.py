"""Pictures of attention: one head, all heads of a layer, all layers; rows are target tokens, columns source tokens.

Arrays and tokens in, a `matplotlib.figure.Figure` out; `save_figure` from `runtime/figure_style.py` writes it. Needs
no TensorFlow. First the pictures, then what they share: the check of the weights, the panels, the tokens along the
axes.

Letters: L layers, H heads, T target length, S source length.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from transformer_tutorial.runtime.figure_style import SEQUENTIAL, drawing_style, new_figure

# Inches, but for the font sizes, which are points.
PANELS_WIDTH = 7.2  # all attention panels side by side, without the tokens at their left
GAP = 0.1
LARGEST_CELL = 0.4
SMALLEST_FONT, LARGEST_FONT = 5.8, 8.0
LINE = 1.05 / 72  # height of a line of text for each point of its font
LETTER = 0.62 / 72  # width of a letter, on average and rather too much than too little
LONGEST_LABEL = 24  # letters


@drawing_style()
def plot_attention_heads(
    attention: np.ndarray,
    source_tokens: Iterable[str | bytes],
    target_tokens: Iterable[str | bytes],
    *,
    title: str | None = None,
) -> Figure:
    """One layer's attention: a panel for each head, a row for each target token, a column for each source token.

    Every token is named; SentencePiece's "▁" is written "·". The picture is a page wide with up to four heads side by
    side; sentences of more than some 80 tokens make it wider, so that the names stay readable.

    Args:
        attention: float, (H, T, S), shares in [0, 1].
        source_tokens: S strings, bytes, or a string tensor.
        target_tokens: T of the same: the tokens that the model wrote while attending, so without [START].
        title: above all panels.

    Raises:
        ValueError: the shape of `attention` does not fit the tokens, or a text stands where tokens are needed.
    """
    source, target = token_texts(source_tokens), token_texts(target_tokens)
    attention = _attention(attention, "H", target, source)
    columns, width, height = _heads_grid(*attention.shape)
    left, below = 0.4 + _names_width(target, height), 0.4 + _names_width(source, width)
    figure, panels = _panels(attention, columns, width, height, left, below)
    for head, axes in enumerate(panels):
        _name_tokens(axes.xaxis, source, width)
        if head % columns == 0:
            _name_tokens(axes.yaxis, target, height)
            axes.set_ylabel("target")
        if head + columns >= len(panels):
            axes.set_xlabel("source")
        if len(panels) > 1:
            axes.set_title(f"head {head + 1}")
    if title:
        figure.suptitle(title, y=1, va="bottom")
    return figure


@drawing_style()
def plot_attention_overview(
    attentions: np.ndarray, source_tokens: Iterable[str | bytes], target_tokens: Iterable[str | bytes]
) -> Figure:
    """Every layer's attention on one page: a row of panels for each layer, a column for each head.

    Tokens are named along the left and lower margins; of long sentences, every second token or fewer.

    Args:
        attentions: float, (L, H, T, S), shares in [0, 1].
        source_tokens: as for `plot_attention_heads`.
        target_tokens: as for `plot_attention_heads`.

    Raises:
        ValueError: the shape of `attentions` does not fit the tokens, or a text stands where tokens are needed.
    """
    source, target = token_texts(source_tokens), token_texts(target_tokens)
    attentions = _attention(attentions, "L, H", target, source)
    layers, heads, *_ = attentions.shape
    width = min(PANELS_WIDTH / heads - GAP, 1.8)
    height = min(max(len(target) * SMALLEST_FONT * LINE, 0.7 * width), 1.2 * width)
    left = 0.4 + _names_width(target, height)
    figure, panels = _panels(attentions.reshape(-1, len(target), len(source)), heads, width, height, left, GAP)
    for panel, axes in enumerate(panels):
        layer, head = divmod(panel, heads)
        if layer == 0:
            axes.set_title(f"head {head + 1}")
        if head == 0:
            _name_tokens(axes.yaxis, target, height)
            axes.set_ylabel("target")
        if head == heads - 1:
            axes.text(1.08, 0.5, f"layer {layer + 1}", transform=axes.transAxes, rotation=-90, va="center")
        if layer == layers - 1:
            _name_tokens(axes.xaxis, source, width)
            axes.set_xlabel("source")
    return figure


@drawing_style()
def plot_attention_head(
    in_tokens: Iterable[str | bytes],
    translated_tokens: Iterable[str | bytes],
    attention: np.ndarray,
    *,
    axes: Axes | None = None,
) -> Figure:
    """One head's attention, under the tutorial notebook's name and order of arguments.

    Args:
        in_tokens: S source tokens.
        translated_tokens: 1 + T tokens; the first is [START], which the model was given and did not write.
        attention: float, (T, S), shares in [0, 1].
        axes: where to draw; None makes a new figure.

    Raises:
        ValueError: the shape of `attention` does not fit the tokens, or a text stands where tokens are needed.
    """
    source, target = token_texts(in_tokens), token_texts(translated_tokens)[1:]
    weights = _attention(attention, "", target, source)
    if axes is None:
        return plot_attention_heads(weights[np.newaxis], source, target)
    _draw_weights(axes, weights)
    width, height = axes.get_window_extent().size / axes.figure.dpi
    _name_tokens(axes.xaxis, source, width)
    _name_tokens(axes.yaxis, target, height)
    return axes.figure


def plot_attention_weights(
    sentence: Iterable[str | bytes], translated_tokens: Iterable[str | bytes], attention_heads: np.ndarray
) -> Figure:
    """All heads of one layer, under the tutorial notebook's name and order of arguments.

    Args:
        sentence: S source tokens. The notebook takes the text and cuts it with a global tokenizer; here the caller
            passes the tokens.
        translated_tokens: 1 + T tokens; the first is [START], which the model was given and did not write.
        attention_heads: float, (H, T, S), shares in [0, 1].

    Raises:
        ValueError: the shape of `attention_heads` does not fit the tokens, or `sentence` is a text.
    """
    return plot_attention_heads(attention_heads, sentence, token_texts(translated_tokens)[1:])


def token_texts(tokens: Iterable[str | bytes]) -> list[str]:
    """Tokens as a list of strings, from strings, bytes (UTF-8), or a string tensor.

    Raises:
        ValueError: `tokens` is one text.
    """
    tokens = _plain(tokens)
    if isinstance(tokens, (str, bytes)):
        raise ValueError(f"tokens must be a list with one string for each token, got the text {tokens!r}.")
    values = map(_plain, tokens)
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _plain(value: Any) -> Any:
    """A tensor's content; anything else as it is."""
    return value.numpy() if hasattr(value, "numpy") else value


def _attention(attention: np.ndarray, leading: str, target: list[str], source: list[str]) -> np.ndarray:
    """`attention` as float64, checked: the axes named in `leading`, then target, then source."""
    attention = np.asarray(attention, dtype=float)
    names = [name for name in leading.split(", ") if name]
    fits = attention.ndim == len(names) + 2 and attention.shape[-2:] == (len(target), len(source))
    if not fits or not attention.size:
        expected = ", ".join([*names, f"{len(target)} target tokens", f"{len(source)} source tokens"])
        raise ValueError(f"attention must have the shape ({expected}), each at least 1, got {attention.shape}.")
    return attention


def _heads_grid(heads: int, target_length: int, source_length: int) -> tuple[int, float, float]:
    """Panels side by side, and the width and height of one in inches, such that every token can be named."""
    smallest_cell = SMALLEST_FONT * LINE
    fitting = int(PANELS_WIDTH // (source_length * smallest_cell + GAP))
    rows = math.ceil(heads / min(max(fitting, 1), 4))
    columns = math.ceil(heads / rows)
    cell = min(max(PANELS_WIDTH / columns - GAP, source_length * smallest_cell) / source_length, LARGEST_CELL)
    row = min(cell, max(4 / target_length, smallest_cell))
    return columns, source_length * cell, target_length * row


def _panels(
    weights: np.ndarray, columns: int, width: float, height: float, left: float, below: float
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel for each of `weights` (N, T, S), `columns` side by side, and their colour bar.

    In inches: `width` and `height` of a panel, the space at the `left` of the first and `below` each.
    """
    above = 0.3
    page_width = left + columns * (width + GAP) + 0.7
    page_height = above + math.ceil(len(weights) / columns) * (height + below)
    figure = new_figure(page_width, page_height, layout=None)

    def place(x: float, y: float, width: float, height: float) -> Axes:
        edges = (x / page_width, 1 - (y + height) / page_height, width / page_width, height / page_height)
        return figure.add_axes(edges)

    panels = []
    for panel, head in enumerate(weights):
        row, column = divmod(panel, columns)
        axes = place(left + column * (width + GAP), above + row * (height + below), width, height)
        image = _draw_weights(axes, head)
        panels.append(axes)
    bar = place(left + columns * (width + GAP) + 0.25, above, 0.12, min(max(height, 1), 2))
    figure.colorbar(image, cax=bar, label="attention", ticks=[0, 0.5, 1])
    return figure, panels


def _draw_weights(axes: Axes, weights: np.ndarray) -> AxesImage:
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, linewidth=0.5)
    return axes.imshow(weights, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto", interpolation="nearest")


def _name_tokens(axis: Axis, tokens: list[str], inches: float) -> None:
    """Writes the tokens along an axis of this length, as large as fits; if need be every second, third, ... only."""
    every, size = _names_fit(tokens, inches)
    labels = [_label(token) for token in tokens[::every]]
    upright = {"rotation": 90} if axis.axis_name == "x" else {}
    # A "$" is a dollar sign, not the start of a formula.
    style = {"ha": "right", "va": "center_baseline", "rotation_mode": "anchor", "parse_math": False, **upright}
    axis.set_ticks(range(0, len(tokens), every), labels, fontsize=size, **style)
    axis.set_tick_params(length=2, pad=2)


def _names_fit(tokens: list[str], inches: float) -> tuple[int, float]:
    """Which tokens can be named along an axis of this length (every first, second, ...), and the font's points."""
    cell = inches / len(tokens)
    every = math.ceil(SMALLEST_FONT * LINE / cell - 1e-6)
    return every, min(every * cell / LINE, LARGEST_FONT)


def _names_width(tokens: list[str], inches: float) -> float:
    """Inches that the names take across the axis."""
    _, size = _names_fit(tokens, inches)
    return max(len(_label(token)) for token in tokens) * size * LETTER


def _label(token: str) -> str:
    token = token.replace("▁", "·")  # SentencePiece's sign for a space hangs into the line below
    return token if len(token) <= LONGEST_LABEL else token[: LONGEST_LABEL - 1] + "…"
