"""What one line can separate, and what needs layers."""

import numpy as np
import pytest

from lstm_lab.cells.perceptron import CORNERS, DATA, Data, classify, predict, train_network, train_perceptron
from transformer_tutorial.runtime.errors import UsageError


@pytest.mark.parametrize("name", ["AND", "OR"])
def test_the_perceptron_learns_what_a_line_separates(name):
    run = train_perceptron(DATA[name])
    assert run.separated
    np.testing.assert_array_equal(predict(DATA[name].x, run.w, run.b), DATA[name].target)


def test_the_perceptron_never_learns_xor():
    run = train_perceptron(DATA["XOR"], passes=200)
    assert not run.separated
    assert len(run.mistakes) == 200
    assert min(run.mistakes) >= 1


def test_no_line_on_a_fine_grid_separates_xor():
    angles, offsets = np.linspace(0, 2 * np.pi, 181), np.linspace(-2, 2, 81)
    correct = [
        (predict(CORNERS, np.array([np.cos(a), np.sin(a)]), b) == DATA["XOR"].target).sum()
        for a in angles
        for b in offsets
    ]
    assert max(correct) == 3


def test_the_mistakes_stay_below_novikoffs_bound():
    """Two clouds on the two sides of x₁ + x₂ = 0, all at least 0.2 away."""
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    normal = np.array([1.0, 1.0]) / np.sqrt(2)
    x = x[np.abs(x @ normal) > 0.2]
    run = train_perceptron(Data(x, (x @ normal > 0).astype(int)))
    longest = np.sqrt((x**2).sum(1) + 1).max()
    assert run.separated
    assert 0 < sum(run.mistakes) <= (longest / 0.2) ** 2


def test_three_layers_trained_by_hand_learn_xor():
    run = train_network(DATA["XOR"])
    np.testing.assert_array_equal(classify(run.weights, CORNERS), DATA["XOR"].target)
    assert run.losses[-1] < 0.05 < run.losses[0]


def test_no_passes_at_all_are_refused():
    with pytest.raises(UsageError, match="passes must be at least 1, got 0"):
        train_perceptron(DATA["AND"], passes=0)
