"""Descent on the cliff, as distributions over starts: nothing here is said about a single path."""

import json

import numpy as np
import pytest

from lstm_lab.cli import main
from lstm_lab.cliff import CLIPPINGS, STARTS, cliff_table, descend, outcomes
from lstm_lab.config import ClipOptions
from transformer_tutorial.runtime.errors import UsageError


@pytest.fixture(scope="module")
def found():
    """The outcomes of 60 starts, by starting point and clipping."""
    return {(row.w, row.b, row.learning_rate, row.clipping): row for row in outcomes(ClipOptions(starts=60))}


@pytest.mark.parametrize("start", STARTS[:2])
def test_unclipped_most_descents_end_on_the_plateau_and_clipped_none_does(found, start):
    assert found[(*start, "none")].share_on_plateau > 0.5
    assert found[(*start, "global_clipnorm")].share_on_plateau == 0


@pytest.mark.parametrize("start", STARTS[2:])
def test_from_the_last_starts_clipping_does_not_help_many_descents(found, start):
    assert found[(*start, "global_clipnorm")].share_on_plateau > 0.3


@pytest.mark.parametrize("start", STARTS)
def test_a_clipped_update_is_no_longer_than_rate_times_threshold(found, start):
    assert found[(*start, "global_clipnorm")].median_largest_step <= start[2] * 0.5 * (1 + 1e-12)


def test_unclipped_an_update_can_throw_the_parameters_far_away(found):
    assert found[(*STARTS[0], "none")].median_largest_step > 1


def test_for_two_single_numbers_clipnorm_and_clipvalue_are_the_same(found):
    for start in STARTS:
        assert found[(*start, "clipnorm")][4:] == found[(*start, "clipvalue")][4:]


def test_a_path_holds_every_point_and_every_loss():
    paths = descend(np.array([5.0, 6.0]), np.array([-2.4, -3.0]), 0.1, 7)
    assert paths.w.shape == paths.b.shape == paths.losses.shape == (8, 2)
    moved = np.hypot(np.diff(paths.w, axis=0), np.diff(paths.b, axis=0))
    np.testing.assert_allclose(moved, paths.step_lengths)


def test_an_unknown_clipping_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="unknown clipping 'clipnom'. Did you mean clipnorm"):
        descend(np.array([5.0]), np.array([-2.4]), 0.1, 1, "clipnom")


def test_the_command_prints_both_tables(capsys):
    assert main(["clip", "--starts", "2", "--updates", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(cliff_table())
    assert "779.398" in out
    assert "Descent from 2 starts near a point, 3 updates, threshold 0.5" in out


def test_the_command_prints_json(capsys):
    assert main(["clip", "--starts", "2", "--updates", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(STARTS) * len(CLIPPINGS)
    assert list(rows[0])[:4] == ["w", "b", "learning_rate", "clipping"]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--starts", "0"], "--starts must be 1 or more, got 0."),
        (["--updates", "0"], "--updates must be 1 or more, got 0."),
        (["--seed", "-1"], "--seed must be 0 or more, got -1."),
        (["--threshold", "0"], "--threshold must be above 0, got 0"),
    ],
)
def test_a_wrong_value_is_refused(flags, text, capsys):
    assert main(["clip", *flags]) == 2
    assert text in capsys.readouterr().err
