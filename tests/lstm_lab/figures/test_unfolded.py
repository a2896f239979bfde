"""The unfolded simple RNN: real states, losses and gradients."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lstm_lab.cells.simple_rnn import Readout, SimpleRNNCell, Weights, cross_entropy, read_out
from lstm_lab.figures.drawing import OPEN
from lstm_lab.figures.unfolded import draw_unfolded, unfold
from lstm_lab.sequence import forward
from transformer_tutorial.runtime.figure_style import DIVERGING

INPUTS, UNITS, CLASSES = 2, 4, 3


def drawn(length, seed=0):
    random = np.random.default_rng(seed)
    weights = Weights(*(tf.constant(random.normal(size=s)) for s in ((INPUTS, UNITS), (UNITS, UNITS), (UNITS,))))
    readout = Readout(tf.constant(random.normal(size=(UNITS, CLASSES))), tf.constant(random.normal(size=CLASSES)))
    x, target = random.normal(size=(length, INPUTS)), random.integers(0, CLASSES, length)
    return weights, readout, x, target, unfold(weights, readout, x, target)


def test_states_and_losses_are_those_of_the_cell():
    weights, readout, x, target, unfolded = drawn(4)
    run = forward(SimpleRNNCell(), weights, tf.constant(x)[None])
    np.testing.assert_array_equal(unfolded.h, run.outputs[0])
    one_hot = tf.one_hot(target, CLASSES, dtype=tf.float64)[None]
    assert unfolded.losses.sum() == pytest.approx(float(cross_entropy(read_out(readout, run.outputs), one_hot)))
    np.testing.assert_allclose(unfolded.prediction.sum(axis=1), 1)


def test_the_gradient_of_w_is_the_tapes_and_the_sum_of_its_shares():
    weights, readout, x, target, unfolded = drawn(4)
    one_hot = tf.one_hot(target, CLASSES, dtype=tf.float64)[None]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        outputs = forward(SimpleRNNCell(), weights, tf.constant(x)[None]).outputs
        loss = cross_entropy(read_out(readout, outputs), one_hot)
    assert unfolded.d_W_norm == pytest.approx(float(tf.norm(tape.gradient(loss, weights).W)))
    assert unfolded.d_W_norms[0] == 0  # the state before it is zero
    assert unfolded.d_W_norm < unfolded.d_W_norms.sum()


def test_what_is_drawn_is_what_was_run():
    *_, unfolded = drawn(3)
    axes = draw_unfolded(unfolded).axes[0]
    named = {gid: [patch for patch in axes.patches if patch.get_gid() == gid] for gid in ("cell", "share", "bar")}
    colours = [patch.get_facecolor() for patch in named["cell"]]
    scale = colormaps[DIVERGING]
    largest = np.abs(unfolded.x).max()
    expected = [scale(0.5 + v / 2) for t in range(3) for v in [*(unfolded.x[t] / largest), *unfolded.h[t]]]
    np.testing.assert_allclose(colours, expected)
    np.testing.assert_allclose([bar.get_height() for bar in named["share"]], 1.1 * unfolded.prediction.ravel())
    heights = np.array([bar.get_height() for bar in named["bar"]])
    np.testing.assert_allclose(heights / heights.max(), unfolded.d_W_norms / unfolded.d_W_norms.max())
    flows = np.linalg.norm(unfolded.d_previous[1:], axis=1)
    widths = [patch.get_linewidth() for patch in axes.patches if str(patch.get_gid()).startswith("wire d_h")]
    np.testing.assert_allclose(widths, OPEN * flows / np.linalg.norm(unfolded.d_previous, axis=1).max())


@pytest.mark.parametrize("length", [1, 2, 6])
def test_no_text_overlaps_another_or_leaves_the_page(length):
    figure = draw_unfolded(drawn(length)[-1])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.axes[0].apply_aspect()  # places the axes, as drawing would
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.axes[0].texts]
    assert [(a, b) for (a, box), (b, other) in itertools.combinations(boxes, 2) if box.overlaps(other)] == []
    width, height = figure.bbox.size
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for _, box in boxes)
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 8
