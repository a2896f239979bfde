import numpy as np
import pytest
from keras import ops

from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.plain_step import PlainStep

SOURCE = np.array([[2, 5, 7, 3, 0, 0], [2, 8, 9, 6, 4, 3]])
TARGET = np.array([[2, 5, 4, 6, 8], [2, 6, 7, 3, 0]])


@pytest.fixture(scope="module")
def model():
    return tiny_transformer(num_layers=2)


def test_step_by_step_gives_the_logits_of_teacher_forcing(model):
    step, expected = PlainStep(model), np.asarray(model((SOURCE, TARGET)))
    state = step.start(SOURCE)
    for position in range(TARGET.shape[1]):
        known = np.where(np.arange(TARGET.shape[1]) <= position, TARGET, 0)
        logits, state = step(known, state, ops.convert_to_tensor(position, "int32"))
        assert logits.shape == (2, 9)
        np.testing.assert_allclose(logits, expected[:, position], atol=1e-5)


def test_a_step_leaves_its_state_as_it_is(model):
    step = PlainStep(model)
    state = step.start(SOURCE)
    assert step(TARGET, state, 0)[1] is state
    np.testing.assert_array_equal(np.asarray(state.context_allowed)[:, 0, 0], SOURCE > 0)
