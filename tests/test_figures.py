import subprocess
import sys

import numpy as np
import pytest

from transformer_tutorial import figures
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import save_figure


def encoding(length=60, d_model=16):
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(d_model // 2) / (d_model // 2))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


def history(epochs=5, best=3, **without):
    records = []
    for epoch in range(1, epochs + 1):
        record = {"epoch": epoch, "loss": 6.0 / epoch, "accuracy": 0.1 * epoch, "seconds": 90.0}
        record |= {"val_loss": 2 + abs(epoch - best), "val_accuracy": 0.08 * epoch}
        record |= {"target_tokens_per_second": 20_000.0 + epoch}
        records.append({key: value for key, value in record.items() if key not in without})
    return records


def test_drawing_and_saving_imports_neither_tensorflow_nor_keras_nor_pyplot(tmp_path):
    code = (
        "import sys; from transformer_tutorial import figures; from transformer_tutorial.runtime import figure_style\n"
        f"figure_style.save_figure(figures.plot_schedule([1, 2], [3, 4]), {str(tmp_path / 'rate.png')!r})\n"
        "print({'tensorflow', 'keras', 'matplotlib.pyplot'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
    assert (tmp_path / "rate.png").is_file()


# Positions


def test_the_position_heat_map_has_depth_upwards_and_names_the_halves():
    figure = figures.plot_positions(encoding(60, 16))
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), encoding(60, 16).T)
    assert axes.images[0].origin == "lower"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("position", "depth")
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert heights == {"sine": 0.25, "cosine": 0.75}
    assert axes.lines[0].get_ydata() == [7.5, 7.5]  # between depth 7, the last sine, and depth 8


def test_positions_need_two_axes():
    with pytest.raises(ValueError, match=r"must have the shape \(length, d_model\), got \(1, 60, 16\)"):
        figures.plot_positions(encoding()[np.newaxis])


def test_similarity_is_the_cosine_with_the_chosen_position_in_both_panels():
    vectors = np.random.default_rng(1).normal(size=(200, 8))
    figure = figures.plot_position_similarity(vectors, position=120)
    expected = [v @ vectors[120] / (np.linalg.norm(v) * np.linalg.norm(vectors[120])) for v in vectors]
    everything, zoom = figure.axes
    for axes in (everything, zoom):
        np.testing.assert_allclose(axes.lines[0].get_ydata(), expected, atol=1e-12)
        assert axes.lines[1].get_xdata().tolist() == [120]
        assert axes.get_ylim()[0] < min(expected)
    assert everything.get_xlim() == (0, 199)
    assert zoom.get_xlim() == (70, 170)


def test_the_zoom_stops_at_the_first_and_last_position():
    assert figures.plot_position_similarity(encoding(60), 3).axes[1].get_xlim() == (0, 53)
    assert figures.plot_position_similarity(encoding(60), 59).axes[1].get_xlim() == (9, 59)


def test_a_position_without_direction_is_similar_to_nothing():
    vectors = encoding(60)
    vectors[5] = 0
    assert figures.plot_position_similarity(vectors, 7).axes[0].lines[0].get_ydata()[5] == 0


@pytest.mark.parametrize("position", [-1, 60, 1000])
def test_a_position_that_is_not_encoded_is_refused(position):
    with pytest.raises(UsageError, match=rf"position must be from 0 to 59.*got {position}\."):
        figures.plot_position_similarity(encoding(60), position)


# Learning rate


def test_the_schedule_marks_and_states_its_peak():
    steps, rates = np.arange(1, 9_001), np.minimum(np.arange(1, 9_001) / 4_000, 1) * 1.4e-3
    rates[5_000:] /= 2
    figure = figures.plot_schedule(steps, rates, label="warm-up")
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), rates)
    assert line.get_markevery() == [3_999]
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["warm-up: peak 0.0014 at step 4,000"]


def test_several_schedules_have_a_name_a_colour_and_a_peak_each():
    figure = figures.plot_schedule(range(3), {"up": [0, 1, 2], "down": [3, 1, 0]})
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["up: peak 2 at step 2", "down: peak 3 at step 0"]
    assert lines[0].get_color() != lines[1].get_color()


@pytest.mark.parametrize(("steps", "rates"), [([1, 2, 3], [0.1, 0.2]), ([], []), ([[1]], [[1]])])
def test_a_schedule_needs_one_rate_for_each_step(steps, rates):
    with pytest.raises(ValueError, match=r"rates need one value a step, got \(.*\) for \(.*\) steps \(learning rate\)"):
        figures.plot_schedule(steps, rates)


# Sentence lengths


def test_token_lengths_are_counted_and_stated():
    source, target = [*[10] * 94, *[30] * 4, 128, 129], [7] * 10
    figure = figures.plot_token_lengths(source, target, source_language="pt", target_language="en")
    left, right = figure.axes
    assert left.get_title() == (
        "pt (source): 100 sentences\nmedian 10, 95 % up to 30, longest 129\n1 over the limit of 128 tokens"
    )
    assert right.get_title().startswith("en (target): 10 sentences\nmedian 7")
    assert sum(bar.get_height() for bar in left.patches) == 100
    assert sum(bar.get_height() for bar in right.patches) == 10
    assert max(bar.get_height() for bar in left.patches) == 94


@pytest.mark.parametrize("limit", [5, 40])
def test_the_limit_is_drawn_after_the_last_length_within_it(limit):
    figure = figures.plot_token_lengths(np.array([4, 5, 6]), np.array([4, 40]), max_tokens=limit)
    for axes in figure.axes:
        assert axes.lines[0].get_xdata() == [limit + 0.5] * 2
        assert axes.get_xlim()[1] > limit + 0.5
    assert f"{sum(n > limit for n in (4, 5, 6))} over the limit of {limit} tokens" in figure.axes[0].get_title()


@pytest.mark.parametrize("longest", [1, 49, 50, 99, 100, 344])
def test_every_length_up_to_the_longest_is_counted(longest):
    every = range(1, longest + 1)
    for axes in figures.plot_token_lengths(every, every).axes:
        assert sum(bar.get_height() for bar in axes.patches) == longest
        assert len(axes.patches) <= 51


def test_lengths_need_a_sentence_on_each_side():
    with pytest.raises(UsageError, match=r"need at least one sentence, got none for en \(target\)"):
        figures.plot_token_lengths([3], [])


# Training history


def test_the_history_shows_every_epoch_and_marks_the_one_of_least_validation_loss():
    figure = figures.plot_history(history(epochs=5, best=3))
    loss, accuracy, throughput = figure.axes
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [6, 3, 2, 1.5, 1.2])
    np.testing.assert_allclose(loss.lines[1].get_ydata(), [4, 3, 2, 3, 4])
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [0.1, 0.2, 0.3, 0.4, 0.5])
    np.testing.assert_allclose(throughput.lines[0].get_ydata(), 20_000 + np.arange(1, 6))
    assert loss.lines[2].get_xdata() == accuracy.lines[2].get_xdata() == [3, 3]
    assert loss.get_title() == "loss\nvalidation 2 at epoch 3"
    assert accuracy.get_title() == "accuracy\nvalidation 0.24 at epoch 3"
    assert throughput.get_title() == "target tokens a second\n8 min in all"
    assert [text.get_text() for text in figure.legends[0].texts] == ["training", "validation", "best epoch"]


def test_without_validation_the_least_training_loss_is_best():
    figure = figures.plot_history(history(val_loss=0, val_accuracy=0))
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 1]
    assert figure.axes[0].get_title() == "loss\ntraining 1.2 at epoch 5"


def test_an_epoch_without_validation_leaves_a_gap():
    records = history(epochs=4, best=2)
    del records[1]["val_loss"]
    figure = figures.plot_history(records)
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), [3, np.nan, 3, 4])
    assert figure.axes[0].get_title() == "loss\nvalidation 3 at epoch 1"


def test_one_epoch_is_enough_for_a_history(tmp_path):
    figure = figures.plot_history(history(epochs=1, best=1))
    assert figure.axes[0].lines[0].get_marker() == "o"
    save_figure(figure, tmp_path / "history.png")
    low, high = figure.axes[0].get_xlim()
    assert [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high] == [1]


def test_a_history_whose_losses_are_not_numbers_has_no_best_epoch():
    figure = figures.plot_history([{"epoch": 1, "loss": float("nan")}])
    assert figure.axes[0].get_title() == "loss"


def test_no_epoch_is_no_history():
    with pytest.raises(UsageError, match=r"at least one finished epoch, got none\. Train first\."):
        figures.plot_history([])
    with pytest.raises(UsageError, match="needs an 'epoch', got one without"):
        figures.plot_history([{"epoch": 1, "loss": 2.0}, {"loss": 1.0}])


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.3, "12 s"), (90, "2 min"), (3_660, "1 h 1 min"), (86_400, "24 h 0 min")]
)
def test_the_time_in_all_is_told_in_the_unit_that_fits(seconds, text):
    figure = figures.plot_history([{"epoch": 1, "loss": 1.0, "seconds": seconds}])
    assert figure.axes[2].get_title().endswith(f"\n{text} in all")


@pytest.mark.parametrize("ending", ["png", "svg"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.plot_positions(encoding()),
        lambda: figures.plot_history(history()),
    ],
    ids=["positions", "history"],
)
def test_the_same_arrays_give_the_same_file(tmp_path, ending, draw):
    first, second = (save_figure(draw(), tmp_path / f"{number}.{ending}").read_bytes() for number in (1, 2))
    assert first == second
