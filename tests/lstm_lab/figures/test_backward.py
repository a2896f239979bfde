"""The backward flow: purple arrows of real deltas, and their animation."""

import numpy as np
import pytest
from PIL import Image

from lstm_lab.config import PlotOptions
from lstm_lab.figures import backward
from lstm_lab.figures.backward import backward_events, draw_backward, frames, largest_delta, save_animation, short
from lstm_lab.figures.drawing import OPEN
from lstm_lab.figures.lstm import LAYOUTS
from lstm_lab.plot import run_lstm
from transformer_tutorial.runtime.errors import Failure


def steps_of(variant="V", inputs=(1.0, -0.5)):
    return run_lstm(PlotOptions(what="backward", variant=variant, inputs=inputs))


def wire_widths(figure):
    patches = [patch for patch in figure.axes[0].patches if str(patch.get_gid()).startswith("wire ")]
    return {patch.get_gid().removeprefix("wire "): patch.get_linewidth() for patch in patches}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_arrow_is_as_wide_as_its_delta_is_large_in_the_whole_run(layout):
    steps = [step._replace(deltas={wire: 4 * d for wire, d in step.deltas.items()}) for step in steps_of()]
    largest = max(abs(delta[1 if len(delta) > 1 else 0]) for step in steps for delta in step.deltas.values())
    assert largest_delta(steps, 1) == largest
    widths = wire_widths(draw_backward(LAYOUTS[layout], "V", steps, 0, 1))
    for wire in widths.keys() - {"sample", "x"}:
        assert widths[wire] == pytest.approx(OPEN * abs(steps[0].deltas[wire][1]) / largest)


def test_the_loss_looks_at_the_last_output_alone():
    first, last = steps_of()
    assert not first.deltas["out"].any()
    assert (last.deltas["out"] == 1).all()
    assert not last.deltas["c+"].any()


def test_equations_come_one_after_the_other_and_only_what_is_reached_is_drawn():
    steps = steps_of()
    for shown, event in enumerate(backward_events(steps[1]), start=1):
        figure = draw_backward(LAYOUTS["circuit"], "V", steps, 1, 0, shown)
        caption = figure.axes[0].texts[1].get_text()
        assert all(f"({number})  " in caption for number in event.equations)
    early = draw_backward(LAYOUTS["circuit"], "V", steps, 1, 0, 1)
    assert wire_widths(early)["z"] == wire_widths(early)["c-"]
    assert wire_widths(early)["out"] == OPEN * 1 / largest_delta(steps, 0)


def test_the_caption_has_the_equations_result_and_the_variants_remark():
    steps = steps_of("CIFG")
    numbers = [event.equations for event in backward_events(steps[1])]
    figure = draw_backward(LAYOUTS["circuit"], "CIFG", steps, 1, 2, numbers.index((11,)) + 1)
    result = short(steps[1].results[11]["δi"][2])
    caption = figure.axes[0].texts[1].get_text()
    assert caption == f"(11)  δi = δc ⊙ z ⊙ σ'(aᵢ) = {result}     coupled: z - c₋ for z"


def test_the_animation_goes_through_all_steps_and_equations(tmp_path):
    steps = steps_of("NP", (0.5,))
    path = save_animation(frames(LAYOUTS["circuit"], "NP", steps, 0), tmp_path / "new" / "flow.gif")
    with Image.open(path) as animation:
        assert animation.n_frames == len(backward_events(steps[0])) == 8
        assert animation.size[0] == 8 * backward.GIF_DOTS_PER_INCH
    assert [item.name for item in path.parent.iterdir()] == ["flow.gif"]


def test_the_last_time_step_comes_first(monkeypatch):
    seen = []
    monkeypatch.setattr(
        backward, "draw_backward", lambda layout, variant, steps, t, unit, shown: seen.append((t, shown))
    )
    steps = steps_of("NIG", (0.5, 1.0))
    list(frames(LAYOUTS["circuit"], "NIG", steps, 0))
    count = len(backward_events(steps[0]))
    assert seen == [(t, shown) for t in (1, 0) for shown in range(1, count + 1)]


def test_an_animation_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "flow.gif").mkdir()
    figure = draw_backward(LAYOUTS["circuit"], "V", steps_of(inputs=(0.5,)), 0, 0)
    with pytest.raises(Failure, match=r"The animation cannot be written to .*flow\.gif"):
        save_animation(iter([figure]), tmp_path / "flow.gif")
    assert [item.name for item in tmp_path.iterdir()] == ["flow.gif"]


def test_without_any_delta_the_largest_is_one():
    (step,) = steps_of(inputs=(0.5,))
    nothing = step._replace(deltas={wire: np.zeros_like(delta) for wire, delta in step.deltas.items()})
    assert largest_delta([nothing], 0) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.456, "−0.46"), (0.0456, "0.046"), (-3e-5, "−3e−05"), (0.0, "0"), (-0.0, "0"), (12.3, "12.30")],
)
def test_a_delta_takes_at_most_six_characters(value, text):
    assert short(value) == text
