"""The simple RNN, folded and unfolded in time, with its states, predictions, losses and gradients.

The arrows from state to state are drawn twice: forwards, and backwards in purple with a width that follows what flows
back. Below each step stands its own share of the gradient of W, which would be the whole gradient, were W another
variable at every step:

    (1)  ‖δW⁽ᵗ⁾‖        the bars; the shared W gets the sum of the matrices, which is not the sum of the bars

Source: Goodfellow, Bengio & Courville 2016, figure 10.3.
Next: cliff.py
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from lstm_lab import sequence
from lstm_lab.cells.simple_rnn import Readout, SimpleRNNCell, Weights, read_out, readout_backward
from lstm_lab.figures.block import Wire
from lstm_lab.figures.drawing import INK, OPEN, PAPER, THIN, Stroke, draw_wire, empty_page
from transformer_tutorial.runtime.figure_style import COLOURS, DIVERGING, drawing_style

INPUT, STATE, LOGITS, LOSS, BARS = 1.0, 3.4, 5.8, 7.7, -2.6  # heights
FIRST, PURPLE, CELL, WIDTH = 5.2, "#6A1B9A", 0.38, 17.4

EXPLANATION = (
    "Squares: the entries of x and h, red above zero and blue below. Bars: the predicted share of each class, green\n"
    "for the right one. Purple arrows: ‖δh‖, the length of the gradient that a step hands back to the state before it."
)


class Unfolded(NamedTuple):
    """What is drawn: one entry a time step, of a sequence of its own.

    Attributes:
        x: (T, M).
        h: (T, N).
        prediction: (T, K), shares that sum to 1.
        target: (T,), the right class.
        losses: (T,), in nats.
        d_previous: (T, N), what each step hands back to the state before it.
        d_W_norms: (T,), the norm of each step's own share of the gradient of W.
        d_W_norm: the norm of their sum.
    """

    x: np.ndarray
    h: np.ndarray
    prediction: np.ndarray
    target: np.ndarray
    losses: np.ndarray
    d_previous: np.ndarray
    d_W_norms: np.ndarray
    d_W_norm: float


def unfold(weights: Weights, readout: Readout, x: np.ndarray, target: np.ndarray) -> Unfolded:
    """Runs the simple RNN forwards and backwards, from a zero state, with the cross-entropy at every step as its loss.

    Args:
        x: float64, (T, M).
        target: int, (T,), classes.

    Raises:
        UsageError: a shape does not fit, or x holds NaN or infinity.
    """
    cell = SimpleRNNCell()
    run = sequence.forward(cell, weights, tf.constant(x)[None])
    prediction = tf.nn.softmax(read_out(readout, run.outputs))[0].numpy()
    one_hot = tf.one_hot(target, prediction.shape[-1], dtype=run.outputs.dtype)[None]
    d_outputs = readout_backward(readout, run.outputs, one_hot).outputs
    steps = list(sequence.backward_by_step(cell, weights, run, d_outputs))[::-1]
    shares = np.stack([step.weights.W.numpy() for step in steps])
    return Unfolded(
        x,
        run.outputs[0].numpy(),
        prediction,
        np.asarray(target),
        -np.log(prediction[np.arange(len(x)), target]),
        np.concatenate([step.state.h.numpy() for step in steps]),
        np.linalg.norm(shares, axis=(1, 2)),  # (1)
        float(np.linalg.norm(shares.sum(axis=0))),
    )


@drawing_style()
def draw_unfolded(unfolded: Unfolded) -> Figure:
    """The picture of one run; up to about six steps fit a page."""
    axes = empty_page(WIDTH, 14.2)
    axes.set_ylim(-3.5, 10.7)
    axes.text(0, 10.3, "The simple RNN, folded and unfolded in time", weight="bold", fontsize=11, va="center")
    axes.text(0, 9.85, EXPLANATION, va="top", fontsize=8.5, linespacing=1.4)
    _folded(axes)
    columns = np.linspace(FIRST + 1.3, WIDTH - 1.3, len(unfolded.x))
    for t, x in enumerate(columns):
        _column(axes, x, t, unfolded)
    _between(axes, columns, unfolded)
    _bars(axes, columns, unfolded)
    return axes.figure


def _folded(axes: Axes) -> None:
    """The network as a circle, at the left."""
    x, radius = 1.5, 0.5
    heights = {"x": INPUT, "h": STATE, "o": LOGITS, "L": LOSS}
    for low, high, name in (("x", "h", "U"), ("h", "o", "V"), ("o", "L", None)):
        _arrow(axes, (x, heights[low] + radius), (x, heights[high] - radius), name)
    loop = ((x + 0.45, STATE + 0.25), (x + 1.5, STATE + 0.25), (x + 1.5, STATE - 0.9), (x + 0.32, STATE - 0.9))
    draw_wire(axes, Wire("loop", (*loop, (x + 0.32, STATE - 0.42))), Stroke(THIN, INK), zorder=1)
    axes.add_patch(Rectangle((x + 1.35, STATE - 0.5), 0.3, 0.3, fc=INK, zorder=3))
    axes.text(x + 1.5, STATE + 0.6, "W", ha="center", va="center")
    for name, y in heights.items():
        axes.add_patch(Circle((x, y), radius, fc=PAPER, ec=INK, lw=1.1, zorder=3))
        axes.text(x, y, name, ha="center", va="center_baseline", fontsize=10, zorder=4)
    draw_wire(axes, Wire("unfold", ((3.6, LOGITS), (4.9, LOGITS))), Stroke(2.5, INK), zorder=1)
    axes.text(4.2, LOGITS + 0.4, "unfold", ha="center", va="center")


def _column(axes: Axes, x: float, t: int, unfolded: Unfolded) -> None:
    """One time step: input, state, prediction, loss."""
    _cells(axes, x, INPUT, unfolded.x[t], np.abs(unfolded.x).max())
    _cells(axes, x, STATE, unfolded.h[t], 1)
    _prediction(axes, x, unfolded.prediction[t], unfolded.target[t])
    _arrow(axes, (x, INPUT + 0.45), (x, STATE - 0.45), "U")
    _arrow(axes, (x, STATE + 0.45), (x, LOGITS - 0.75), "V")
    _arrow(axes, (x, LOGITS + 0.75), (x, LOSS - 0.3), None)
    axes.text(x, LOSS, f"L = {unfolded.losses[t]:.2f}", ha="center", va="center")
    axes.text(x, INPUT - 0.75, f"x[{t + 1}]", ha="center", va="center")
    axes.text(x + 0.15, STATE + 0.75, f"h[{t + 1}]", ha="left", va="center")
    axes.text(x, LOSS + 0.75, f"t = {t + 1}", ha="center", va="center", weight="bold")


def _between(axes: Axes, columns: np.ndarray, unfolded: Unfolded) -> None:
    """From state to state: forwards in black, backwards in purple."""
    half = CELL * unfolded.h.shape[1] / 2 + 0.08
    flows = np.linalg.norm(unfolded.d_previous, axis=1)
    for t, (left, right) in enumerate(zip(columns, columns[1:], strict=False), start=1):
        _arrow(axes, (left + half, STATE + 0.14), (right - half, STATE + 0.14), None)
        axes.text((left + right) / 2, STATE + 0.45, "W", ha="center", va="center")
        stroke = Stroke(OPEN * flows[t] / flows.max(), PURPLE, backwards=True)
        path = ((left + half, STATE - 0.2), (right - half, STATE - 0.2))
        draw_wire(axes, Wire(f"d_h{t}", path), stroke, zorder=1)
        axes.text(
            (left + right) / 2, STATE - 0.58, f"{flows[t]:.2g}", ha="center", va="center", color=PURPLE, fontsize=8
        )


def _bars(axes: Axes, columns: np.ndarray, unfolded: Unfolded) -> None:
    """Below each step its own share of the gradient of W."""
    norms = unfolded.d_W_norms
    for x, norm in zip(columns, norms, strict=True):
        height = 1.3 * norm / (norms.max() or 1)
        axes.add_patch(Rectangle((x - 0.5, BARS), 1.0, height, fc=PURPLE, alpha=0.85, gid="bar"))
        axes.text(x, BARS + height + 0.25, f"{norm:.2g}", ha="center", va="center", color=PURPLE, fontsize=8)
    axes.plot([FIRST, WIDTH], [BARS, BARS], color=INK, lw=0.8)
    text = f"‖δW⁽ᵗ⁾‖, the gradient\nof W at this step alone.\nTheir sum is δW, with\n‖δW‖ = {unfolded.d_W_norm:.2g}."
    axes.text(0, BARS + 0.75, text, va="center", color=PURPLE, fontsize=8.5, linespacing=1.4)


def _cells(axes: Axes, x: float, y: float, values: np.ndarray, largest: float) -> None:
    """Numbers as a row of squares: red above zero, blue below."""
    left = x - CELL * len(values) / 2
    for k, value in enumerate(values):
        colour = colormaps[DIVERGING](0.5 + 0.5 * value / largest)
        look = {"fc": colour, "ec": INK, "lw": 0.6, "zorder": 3, "gid": "cell"}
        axes.add_patch(Rectangle((left + k * CELL, y - CELL / 2), CELL, CELL, **look))


def _prediction(axes: Axes, x: float, shares: np.ndarray, target: int) -> None:
    """The predicted share of each class as a bar; the right class is green."""
    width, foot = 0.4, LOGITS - 0.55
    left = x - width * len(shares) / 2
    for k, share in enumerate(shares):
        colour = COLOURS[2] if k == target else "#B9B9B9"
        axes.add_patch(Rectangle((left + k * width, foot), width * 0.85, 1.1 * share, fc=colour, zorder=3, gid="share"))
    axes.plot([left - 0.1, left + width * len(shares) + 0.05], [foot, foot], color=INK, lw=0.8, zorder=4)


def _arrow(axes: Axes, start, end, name: str | None) -> None:
    draw_wire(axes, Wire("arrow", (start, end)), Stroke(THIN, INK), zorder=1)
    if name:
        axes.text(start[0] - 0.2, (start[1] + end[1]) / 2, name, ha="right", va="center")
