"""The picture of the cliff: the surface of `clip`, and the descents where they are."""

import itertools
from unittest import mock

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from mpl_toolkits.mplot3d import Axes3D

from lstm_lab import clipping
from lstm_lab.cliff import STARTS, descend
from lstm_lab.figures.cliff import CLIPPED, MAPS, draw_cliff, surface

LIMITS = (4.5, 6.2), (-3.6, 0.0)


@pytest.fixture(scope="module")
def figure():
    return draw_cliff()


def drawn(axes, name):
    """The points of what has this name, (points, 2)."""
    (line,) = (line for line in axes.lines if line.get_gid() == name)
    return line.get_xydata()


def test_the_surface_is_the_loss_of_clip_at_every_point():
    part = surface(*LIMITS)
    np.testing.assert_array_equal(part.loss, clipping.loss_and_gradient(part.w, part.b)[0])
    assert (part.w.min(), part.w.max()) == LIMITS[0]
    np.testing.assert_allclose([part.b[0], part.b[-1]], np.broadcast_to(np.array(LIMITS[1])[:, None], (2, 81)))


def test_the_rows_rise_in_b_and_the_two_in_the_middle_enclose_the_cliff():
    part = surface(*LIMITS)
    assert (np.diff(part.b, axis=0) > 0).all()
    middle = len(part.b) // 2
    line = clipping.cliff_line(part.w[0])
    assert (part.b[middle - 1] < line).all() and (line < part.b[middle]).all()


def test_no_two_neighbouring_rows_jump_over_the_cliff():
    assert np.abs(np.diff(surface(*LIMITS).loss, axis=0)).max() < 0.2


def test_the_surface_is_drawn_from_such_points():
    with mock.patch.object(Axes3D, "plot_surface") as plot_surface:
        draw_cliff()
    w, b, loss = plot_surface.call_args.args
    np.testing.assert_array_equal(loss, clipping.loss_and_gradient(w, b)[0])
    colours = plot_surface.call_args.kwargs["facecolors"]
    assert loss.max() > 0.42 > 0.01 > loss.min()
    assert colours[..., 0].ravel()[loss.argmax()] < colours[..., 0].ravel()[loss.argmin()]


@pytest.mark.parametrize(("place", "start"), [(1, STARTS[0]), (2, STARTS[2])])
@pytest.mark.parametrize("clip", ["none", CLIPPED])
def test_every_update_is_drawn_where_it_is(figure, place, start, clip):
    w, b, rate = start
    paths = descend(np.array([w]), np.array([b]), rate, 200, clip)
    expected = np.stack([paths.w[:, 0], paths.b[:, 0]], axis=1)
    axes = figure.axes[place]
    np.testing.assert_array_equal(drawn(axes, f"path {clip}"), expected)
    np.testing.assert_array_equal(drawn(axes, f"end {clip}"), expected[-1:])
    np.testing.assert_array_equal(drawn(axes, "start"), [[w, b]])
    assert (axes.get_xlim(), axes.get_ylim()) == MAPS[place - 1][1:3]
    inside = [low <= part.min() and part.max() <= high
              for part, (low, high) in zip(expected.T, MAPS[place - 1][1:3], strict=True)]  # fmt: skip
    assert inside == [True, True]
    words = {"none": "without clipping", CLIPPED: "global_clipnorm=0.5"}[clip]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"{words}, ends with E = {paths.losses[-1, 0]:.4f}" in legend


def test_no_text_overlaps_another_or_leaves_the_page(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    solid = figure.axes[0]
    for axis in (solid.xaxis, solid.yaxis, solid.zaxis):  # ticks beyond the limits stay in a 3-D axis, not drawn
        low, high = axis.get_view_interval()
        beyond = [tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        texts = [text for text in texts if text not in beyond]
    boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts]
    width, height = figure.bbox.size
    boxes = [(text, box) for text, box in boxes if box.width and box.x1 > 0 and box.y1 > 0]
    assert [(a, b) for (a, box), (b, other) in itertools.combinations(boxes, 2) if box.overlaps(other)] == []
    assert [text for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height] == []
    assert min(text.get_fontsize() for text in texts) >= 8
