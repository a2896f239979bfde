"""Pictures, drawn from computed values: `python -m lstm_lab plot WHAT`.

The cells' run has one input a step, three units (four in the simple RNN), normal weights, and a zero state to start
from. The LSTM's loss is the sum of its last outputs, so that all that flows back has come through time. `cliff` has no
run: it is the loss of the one-unit RNN over its two parameters.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from lstm_lab.cells import simple_rnn
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import Weights, forget_bias, weight_shapes
from lstm_lab.config import PLOTTED_UNITS, PlotOptions
from lstm_lab.figures.backward import draw_backward, frames, save_animation
from lstm_lab.figures.cliff import draw_cliff
from lstm_lab.figures.lstm import LAYOUTS, draw_step
from lstm_lab.figures.unfolded import draw_unfolded, unfold
from lstm_lab.trace import StepTrace, trace
from transformer_tutorial.runtime.figure_style import save_figure

DEVIATION, FORGET_BIAS, RNN_UNITS, CLASSES = 0.8, 1.0, 4, 3


def run(options: PlotOptions) -> None:
    """Draws one picture and prints the file's name."""
    print(DRAWN_BY[options.what](options))


def draw_diagram(options: PlotOptions) -> Path:
    """The LSTM block with the values of one time step."""
    steps, t = run_lstm(options), (options.step or options.steps) - 1
    where = f"Unit {options.unit} of {PLOTTED_UNITS} at time step {t + 1} of {options.steps}"
    figure = draw_step(LAYOUTS[options.what], options.variant, steps[t], options.unit - 1, where)
    return save_figure(figure, options.path)


def draw_backward_flow(options: PlotOptions) -> Path:
    """The deltas as an animation, or as a picture of one time step."""
    steps, layout, unit = run_lstm(options), LAYOUTS[options.diagram], options.unit - 1
    if options.path.suffix.lower() == ".gif":
        return save_animation(frames(layout, options.variant, steps, unit), options.path)
    t = (options.step or options.steps) - 1
    return save_figure(draw_backward(layout, options.variant, steps, t, unit), options.path)


def draw_simple_rnn(options: PlotOptions) -> Path:
    """The simple RNN over time, with random targets."""
    random = np.random.default_rng(options.seed)
    x = _inputs(options, random)
    shapes = ((1, RNN_UNITS), (RNN_UNITS, RNN_UNITS), (RNN_UNITS,))
    weights = simple_rnn.Weights(*(_normal(random, shape) for shape in shapes))
    readout = simple_rnn.Readout(_normal(random, (RNN_UNITS, CLASSES)), tf.zeros(CLASSES, tf.float64))
    target = random.integers(0, CLASSES, options.steps)
    return save_figure(draw_unfolded(unfold(weights, readout, x, target)), options.path)


def draw_loss_surface(options: PlotOptions) -> Path:
    """The cliff, and descent on it with and without clipping."""
    return save_figure(draw_cliff(), options.path)


def run_lstm(options: PlotOptions) -> list[StepTrace]:
    """The run that the LSTM's pictures show."""
    random = np.random.default_rng(options.seed)
    x = _inputs(options, random)
    shapes = weight_shapes(options.variant, 1, PLOTTED_UNITS)
    weights = Weights(*(_normal(random, shape) if shape else () for shape in shapes))
    weights = weights._replace(b=weights.b + forget_bias(options.variant, PLOTTED_UNITS, FORGET_BIAS))
    d_outputs = np.zeros((options.steps, PLOTTED_UNITS))
    d_outputs[-1] = 1
    return trace(LSTMCell(options.variant), weights, tf.constant(x), tf.constant(d_outputs))


DRAWN_BY: dict[str, Callable[[PlotOptions], Path]] = {
    "unfolded": draw_simple_rnn,
    "circuit": draw_diagram,
    "odyssey": draw_diagram,
    "backward": draw_backward_flow,
    "cliff": draw_loss_surface,
}


def _inputs(options: PlotOptions, random: np.random.Generator) -> np.ndarray:
    """(T, 1): those given, or random ones."""
    return np.array(options.inputs)[:, None] if options.inputs else random.normal(size=(options.steps, 1))


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> tf.Tensor:
    return tf.constant(random.normal(0, DEVIATION, shape))
