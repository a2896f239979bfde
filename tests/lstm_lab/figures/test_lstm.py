"""The diagrams of the LSTM block: real values, drawn so that they can be read."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from lstm_lab.config import VARIANTS, PlotOptions
from lstm_lab.figures.backward import backward_events, draw_backward
from lstm_lab.figures.block import GATE_WIRES, SYMBOLS, wires_of
from lstm_lab.figures.drawing import OPEN, PALE
from lstm_lab.figures.lstm import LAYOUTS, draw_step, forward_stroke, signed
from lstm_lab.plot import run_lstm
from lstm_lab.problems import LSTMProblem
from lstm_lab.trace import StepTrace
from lstm_lab.trace_page import trace_of

WIDEST = -19.99


def longest_labels(variant):
    """A step whose values and deltas have as many characters as they can have."""
    wires = wires_of(variant)
    values = {wire: np.array([1.0 if wire in GATE_WIRES else WIDEST]) for wire in wires}
    deltas = {wire: np.array([-0.0012 if wire in ("c", "cf") else -12.34]) for wire in wires}
    results = {number: {"δ": np.array([WIDEST])} for number in range(1, 24)}
    return StepTrace(values, deltas, results)


def boxes(figure):
    """Text, name and box of every text of a figure, in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.axes[0].apply_aspect()  # places the axes, as drawing would
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return [(text.get_text(), str(text.get_gid()), text.get_window_extent(renderer)) for text in texts]


def overlapping(figure):
    pairs = itertools.combinations(boxes(figure), 2)
    return [(a, b) for (a, _, box), (b, _, other) in pairs if box.overlaps(other)]


def outside(figure):
    width, height = figure.bbox.size
    return [text for text, _, box in boxes(figure) if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]


def crossed(figure):
    """Labels that a wire runs through. What stands in a node covers the wires behind it."""
    found = []
    labels = [(text, box) for text, name, box in boxes(figure) if not name.startswith("node")]
    for patch in wires(figure):
        path = patch.get_transform().transform_path(patch.get_path())
        found += [(patch.get_gid(), text) for text, box in labels if path.intersects_bbox(box, filled=False)]
    return found


def covered(figure):
    """Texts beside the nodes that a node covers in part."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [(text, box) for text, name, box in boxes(figure) if not name.startswith("node")]
    nodes = [patch for patch in figure.axes[0].patches if str(patch.get_gid()).startswith("node ")]
    extents = [(node.get_gid(), node.get_window_extent(renderer)) for node in nodes]
    return [(name, text) for name, extent in extents for text, box in labels if extent.overlaps(box)]


def wires(figure, name=None):
    patches = [patch for patch in figure.axes[0].patches if str(patch.get_gid()).startswith("wire ")]
    return [patch for patch in patches if name is None or patch.get_gid() == f"wire {name}"]


def drawn(variant, layout):
    step = longest_labels(variant)
    yield draw_step(LAYOUTS[layout], variant, step, 0, "Unit 1 of 3 at time step 6 of 6")
    yield draw_backward(LAYOUTS[layout], variant, [step], 0, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_text_overlaps_another_or_a_wire_or_a_node_or_leaves_the_page(variant, layout):
    for figure in drawn(variant, layout):
        assert overlapping(figure) == []
        assert crossed(figure) == []
        assert covered(figure) == []
        assert outside(figure) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_equations_above_the_animation_stay_above_the_diagram(variant):
    step = longest_labels(variant)
    for shown in range(1, len(backward_events(step)) + 1):
        figure = draw_backward(LAYOUTS["circuit"], variant, [step], 0, 0, shown)
        assert overlapping(figure) == []
        assert outside(figure) == []


def test_text_that_overlaps_is_noticed():
    figure = draw_step(LAYOUTS["circuit"], "V", longest_labels("V"), 0, "")
    x, y = figure.axes[0].texts[-1].get_position()
    figure.axes[0].text(x, y, "twice")
    figure.axes[0].text(30, y, "outside")
    figure.axes[0].text(*LAYOUTS["circuit"].nodes[0].at, "f")
    figure.axes[0].text(2.2, LAYOUTS["circuit"].wires[-1].path[0][1], "on the line of y from the left")
    assert len(overlapping(figure)) == 2
    assert covered(figure) == [("node f", "f")]
    assert outside(figure) == ["outside"]
    assert ("wire y-", "on the line of y from the left") in crossed(figure)


def test_text_is_readable_at_the_width_of_a_page():
    for layout in LAYOUTS.values():
        figure = draw_step(layout, "FGR", longest_labels("FGR"), 0, "where")
        assert figure.get_size_inches()[0] == 8
        assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 8


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_gates_wire_is_as_wide_as_the_gate_of_the_forward_pass_is_open(variant, layout):
    problem, unit = LSTMProblem(variant, 2, np.random.default_rng(5)), 3
    run = problem._forward({name: tf.constant(array) for name, array in problem.arrays.items()})[2]
    for step, kept in zip(trace_of(problem), run.steps, strict=True):
        figure = draw_step(LAYOUTS[layout], variant, step, unit, "")
        for wire in set(GATE_WIRES) & wires_of(variant):
            (patch,) = wires(figure, wire)
            gate = float(getattr(kept, SYMBOLS[wire])[0, unit])
            assert patch.get_linewidth() == pytest.approx(OPEN * gate, rel=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_variant_lacks_is_pale_and_what_only_others_have_is_not_drawn(variant):
    figure = draw_step(LAYOUTS["circuit"], variant, longest_labels(variant), 0, "")
    names = {patch.get_gid().removeprefix("wire ") for patch in wires(figure)} - {"sample"}
    assert names == wires_of(variant) | wires_of("V")
    for name in names:
        (patch,) = wires(figure, name)
        assert (to_hex(patch.get_edgecolor()) == PALE.lower()) == (name not in wires_of(variant))


def test_the_printed_numbers_are_the_values():
    step = run_lstm(PlotOptions(what="circuit", inputs=(1.0, -0.5)))[1]
    figure = draw_step(LAYOUTS["circuit"], "V", step, 1, "")
    texts = {text.get_text() for text in figure.axes[0].texts}
    for symbol, wire in (("c₋", "c-"), ("z", "z"), ("f", "f"), ("c", "c+"), ("h(c)", "h"), ("y₋", "y-"), ("z⊙i", "zi")):
        assert f"{symbol} = {signed(step.values[wire][1])}" in texts
    assert f"x = {signed(-0.5)}" in texts


def test_the_activations_that_a_variant_drops_are_not_named():
    def activations(variant):
        figure = draw_step(LAYOUTS["odyssey"], variant, longest_labels(variant), 0, "")
        return [text.get_text() for text in figure.axes[0].texts].count("tanh")

    assert [activations(variant) for variant in ("V", "NIAF", "NOAF")] == [2, 1, 1]


def test_a_minus_is_a_minus_and_nothing_is_minus_zero():
    assert signed(-0.456) == "−0.46"
    assert signed(-0.001) == "0.00"
    assert forward_stroke("i", 0.25).width == OPEN / 4
