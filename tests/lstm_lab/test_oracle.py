"""The NumPy forward passes and the derivatives measured on them."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import oracle
from lstm_lab.config import VARIANTS
from lstm_lab.problems import DenseProblem, LSTMProblem, RNNProblem


def random():
    return np.random.default_rng(0)


def cube_sum(array):
    return (array**3).sum((-2, -1))


def test_the_complex_step_is_exact_to_rounding():
    array = random().normal(size=(2, 3))
    np.testing.assert_allclose(oracle.complex_step(cube_sum, array), 3 * array**2, rtol=1e-15)


def test_central_differences_are_exact_to_their_step():
    array = random().normal(size=(2, 3))
    measured = oracle.central_difference(cube_sum, array)
    np.testing.assert_allclose(measured, 3 * array**2, rtol=1e-6)
    assert np.abs(measured - 3 * array**2).max() > 1e-14


@pytest.mark.parametrize("problem", [
    *(DenseProblem(output, random()) for output in ("softmax", "sigmoid", "linear")),
    RNNProblem(6, random()),
    *(LSTMProblem(variant, 6, random()) for variant in VARIANTS),
    LSTMProblem("V", 6, random(), po_prev=True),
], ids=lambda problem: f"{problem.cell}-{problem.variant}")  # fmt: skip
def test_the_numpy_forward_pass_has_the_loss_of_the_tensorflow_one(problem):
    expected = problem.tape_loss({name: tf.constant(array) for name, array in problem.arrays.items()})
    loss = problem.loss(problem.arrays, lambda t: problem.arrays)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)


def test_log_softmax_is_the_logarithm_of_shares():
    logits = random().normal(size=(2, 4))
    np.testing.assert_allclose(np.exp(oracle.log_softmax(logits)).sum(-1), 1)


def test_the_oracle_imports_no_tensorflow():
    import subprocess
    import sys

    program = "import sys, lstm_lab.oracle; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
