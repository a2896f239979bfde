import itertools
import re
import subprocess
import sys

import numpy as np
import pytest

from transformer_tutorial import attention_figures
from transformer_tutorial.runtime.figure_style import new_figure, save_figure

SOURCE = ["este", "é", "a", "ção", ".", "[END]"]
TARGET = ["this", "is", "the", "action", "[END]"]


def attention(*leading, target=5, source=6):
    weights = np.random.default_rng(0).random((*leading, target, source))
    return weights / weights.sum(-1, keepdims=True)


def panels(figure):
    """The axes with a heat map; a colour bar has none."""
    return [axes for axes in figure.axes if axes.images]


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def drawn(axes):
    return np.asarray(axes.images[0].get_array())


class StringTensor:
    """What a TensorFlow string tensor offers: `.numpy()` gives bytes."""

    def __init__(self, tokens):
        self.bytes = np.array([token.encode() for token in tokens], dtype=object)

    def numpy(self):
        return self.bytes


def test_drawing_attention_imports_neither_tensorflow_nor_keras_nor_pyplot():
    code = (
        "import sys; from transformer_tutorial import attention_figures\n"
        "attention_figures.plot_attention_heads([[[0.5, 0.5]]], ['a', 'b'], ['c'])\n"
        "print({'tensorflow', 'keras', 'matplotlib.pyplot'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize("heads", [1, 4, 7, 8])
def test_each_head_has_a_panel_with_its_weights_on_one_scale(heads):
    weights = attention(heads)
    figure = attention_figures.plot_attention_heads(weights, SOURCE, TARGET)
    assert len(panels(figure)) == heads
    assert len(figure.axes) == heads + 1  # and the colour bar
    for axes, head in zip(panels(figure), weights, strict=True):
        np.testing.assert_array_equal(drawn(axes), head)
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (0, 1)
    assert figure.axes[-1].get_ylabel() == "attention"


def test_every_panel_names_the_source_and_every_row_the_target():
    figure = attention_figures.plot_attention_heads(attention(8), SOURCE, TARGET, title="Layer 4")
    for number, axes in enumerate(panels(figure)):
        assert names(axes.xaxis) == SOURCE
        assert axes.get_xticks().tolist() == list(range(len(SOURCE)))
        assert names(axes.yaxis) == (TARGET if number % 4 == 0 else [])
        assert axes.get_title() == f"head {number + 1}"
    assert [axes.get_xlabel() for axes in panels(figure)] == [""] * 4 + ["source"] * 4
    assert figure.get_suptitle() == "Layer 4"


def test_bytes_strings_and_string_tensors_give_the_same_names():
    encoded = [token.encode() for token in SOURCE]
    for tokens in (SOURCE, encoded, StringTensor(SOURCE), np.array(SOURCE), tuple(SOURCE)):
        assert attention_figures.token_texts(tokens) == SOURCE
    assert attention_figures.token_texts([b"\xe7"]) == ["\ufffd"]  # not UTF-8


def test_the_sign_of_a_space_is_written_as_a_dot():
    figure = attention_figures.plot_attention_heads(attention(1, target=1, source=2), ["▁ação", "▁"], ["x"])
    assert names(panels(figure)[0].xaxis) == ["·ação", "·"]


def test_a_dollar_sign_is_not_a_formula(tmp_path):
    figure = attention_figures.plot_attention_heads(attention(1, target=1, source=2), ["$x_1$", "$\\bad$"], ["x"])
    save_figure(figure, tmp_path / "dollar.png")
    assert names(panels(figure)[0].xaxis) == ["$x_1$", "$\\bad$"]


def test_a_very_long_token_is_shortened():
    figure = attention_figures.plot_attention_heads(attention(1, target=1, source=1), ["a" * 30], ["x"])
    assert names(panels(figure)[0].xaxis) == ["a" * 23 + "…"]


def overlaps(labels, edges):
    """Pairs of neighbouring labels that share more than a tenth of their extent between `edges` of their boxes."""
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    spans = sorted((getattr(box, edges[0]), getattr(box, edges[1])) for box in boxes)
    return [(a, b) for a, b in itertools.pairwise(spans) if a[1] - b[0] > 0.1 * max(a[1] - a[0], b[1] - b[0])]


@pytest.mark.parametrize(
    ("heads", "length"), [(1, 4), (4, 4), (8, 4), (1, 25), (4, 25), (8, 25), (1, 40), (4, 40), (8, 40), (1, 100)]
)
def test_all_names_are_readable_and_apart_at_every_length(heads, length):
    tokens = [f"ção{i}" for i in range(length)]
    figure = attention_figures.plot_attention_heads(attention(heads, target=length, source=length), tokens, tokens)
    first = panels(figure)[0]
    for axis, edges in ((first.xaxis, ("x0", "x1")), (first.yaxis, ("y0", "y1"))):
        labels = axis.get_ticklabels()
        assert len(labels) == length
        assert min(label.get_fontsize() for label in labels) >= 5.7
        assert not overlaps(labels, edges)
    assert figure.get_size_inches()[0] < (9.2 if length <= 40 else 13)


def test_panels_of_a_grid_do_not_reach_into_each_other():
    tokens = [f"·enciclopédia{i}" for i in range(25)]
    figure = attention_figures.plot_attention_heads(attention(8, target=25, source=25), tokens, tokens)
    boxes = [axes.get_tightbbox() for axes in panels(figure)]
    for number, box in enumerate(boxes):
        assert not any(
            min(box.x1, other.x1) - max(box.x0, other.x0) > 2 and min(box.y1, other.y1) - max(box.y0, other.y0) > 2
            for other in boxes[number + 1 :]
        )


@pytest.mark.parametrize("shape", [(8, 6, 5), (8, 5, 7), (5, 6), (1, 8, 5, 6), (0, 5, 6)])
def test_attention_that_does_not_fit_the_tokens_is_refused(shape):
    message = f"must have the shape (H, 5 target tokens, 6 source tokens), each at least 1, got {shape}."
    with pytest.raises(ValueError, match=re.escape(message)):
        attention_figures.plot_attention_heads(np.zeros(shape), SOURCE, TARGET)


def test_attention_needs_a_token_on_each_side():
    with pytest.raises(ValueError, match=r"\(H, 0 target tokens, 6 source tokens\), each at least 1"):
        attention_figures.plot_attention_heads(np.zeros((8, 0, 6)), SOURCE, [])


@pytest.mark.parametrize("text", ["este é", b"este", StringTensor(["x"]).numpy()[0]])
def test_a_text_in_the_place_of_tokens_is_refused(text):
    with pytest.raises(ValueError, match=r"tokens must be a list with one string for each token, got the text b?'"):
        attention_figures.plot_attention_weights(text, TARGET, attention(8))


def test_the_overview_has_a_row_for_each_layer_and_a_column_for_each_head():
    weights = attention(3, 2)
    figure = attention_figures.plot_attention_overview(weights, SOURCE, TARGET)
    grid = np.array(panels(figure)).reshape(3, 2)
    for layer, head in np.ndindex(3, 2):
        axes = grid[layer, head]
        np.testing.assert_array_equal(drawn(axes), weights[layer, head])
        assert names(axes.xaxis) == (SOURCE if layer == 2 else [])
        assert names(axes.yaxis) == (TARGET if head == 0 else [])
        assert axes.get_title() == (f"head {head + 1}" if layer == 0 else "")
        assert [text.get_text() for text in axes.texts] == ([f"layer {layer + 1}"] if head == 1 else [])
    assert grid[0, 0].get_position().y0 > grid[1, 0].get_position().y1
    assert grid[0, 0].get_position().x1 < grid[0, 1].get_position().x0


@pytest.mark.parametrize("length", [4, 11, 40])
def test_the_overview_is_a_page_wide_and_names_as_many_tokens_as_are_readable(length):
    tokens = [f"ção{i}" for i in range(length)]
    figure = attention_figures.plot_attention_overview(attention(4, 8, target=length, source=length), tokens, tokens)
    corner = panels(figure)[24]
    assert figure.get_size_inches()[0] < 9.2
    for axis, edges in ((corner.xaxis, ("x0", "x1")), (corner.yaxis, ("y0", "y1"))):
        labels = axis.get_ticklabels()
        assert names(axis) == [tokens[position] for position in axis.get_ticklocs()]
        assert len(labels) >= min(length, 5)
        assert min(label.get_fontsize() for label in labels) >= 5.7
        assert not overlaps(labels, edges)


def test_the_overview_wants_layers_and_heads():
    with pytest.raises(
        ValueError, match=r"\(L, H, 5 target tokens, 6 source tokens\), each at least 1, got \(8, 5, 6\)"
    ):
        attention_figures.plot_attention_overview(attention(8), SOURCE, TARGET)


def test_the_notebooks_functions_leave_out_the_start_token():
    weights = attention(8)
    every = attention_figures.plot_attention_weights(StringTensor(SOURCE), StringTensor(["[START]", *TARGET]), weights)
    one = attention_figures.plot_attention_head(SOURCE, ["[START]", *TARGET], weights[2])
    assert (len(panels(every)), len(panels(one))) == (8, 1)
    np.testing.assert_array_equal(drawn(panels(every)[2]), weights[2])
    np.testing.assert_array_equal(drawn(panels(one)[0]), weights[2])
    for axes in (panels(every)[0], panels(one)[0]):
        assert (names(axes.xaxis), names(axes.yaxis)) == (SOURCE, TARGET)
    assert panels(one)[0].get_title() == ""  # which head it is only the caller knows


def test_one_head_can_be_drawn_into_axes_of_the_callers():
    figure = new_figure(6, 3)
    left, right = figure.subplots(1, 2)
    assert attention_figures.plot_attention_head(SOURCE, ["[START]", *TARGET], attention(), axes=right) is figure
    assert (names(right.xaxis), names(right.yaxis)) == (SOURCE, TARGET)
    np.testing.assert_array_equal(drawn(right), attention())
    assert not left.images


@pytest.mark.parametrize("shape", [(5, 5), (1, 5, 6)])
def test_one_head_must_fit_its_tokens(shape):
    with pytest.raises(
        ValueError, match=re.escape(f"(5 target tokens, 6 source tokens), each at least 1, got {shape}")
    ):
        attention_figures.plot_attention_head(SOURCE, ["[START]", *TARGET], np.zeros(shape))


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_arrays_give_the_same_file(tmp_path, ending):
    def saved(name):
        figure = attention_figures.plot_attention_heads(attention(4), SOURCE, TARGET)
        return save_figure(figure, tmp_path / f"{name}.{ending}").read_bytes()

    assert saved("first") == saved("second")
