from typing import NamedTuple

import numpy as np
import pytest
from keras import ops

from transformer_tutorial.decoding.loop import (
    Hypotheses,
    Search,
    extend_until,
    lengthen,
    started_ids,
    take_each,
    take_rows,
    take_sentences,
    write_token,
)


class Count(NamedTuple):
    position: object
    left: object
    state: object


class CountDown(Search):
    """A search that is done with a sentence when its count has come down to 0."""

    def extend(self, step, progress):
        return Count(progress.position + 1, ops.maximum(progress.left - 1, 0), step(progress.state))

    def done(self, progress):
        return progress.left == 0


def count_down(*left):
    return Count(ops.convert_to_tensor(0), ops.convert_to_tensor(left), (ops.convert_to_tensor(0), ops.zeros((4, 2))))


@pytest.mark.parametrize(("until", "steps"), [(9, 3), (2, 2), (0, 0)])
def test_the_loop_ends_when_all_are_done_or_the_position_is_reached(until, steps):
    found = extend_until(CountDown(), lambda state: (state[0] + 1, state[1]), count_down(3, 1), until)
    assert int(found.position) == int(found.state[0]) == steps


def test_sentences_are_taken_with_all_their_rows_and_with_the_common_position():
    progress = Count(
        ops.convert_to_tensor(5), ops.convert_to_tensor([7, 8, 9]), {"rows": ops.arange(6), "table": ops.eye(3)}
    )
    taken = take_sentences(CountDown(), progress, ops.convert_to_tensor([2, 0], "int32"))
    assert int(taken.position) == 5 and np.asarray(taken.left).tolist() == [9, 7]
    assert np.asarray(taken.state["rows"]).tolist() == [4, 5, 0, 1]
    assert np.asarray(taken.state["table"]).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_state_takes_rows_and_lengthens_itself_where_it_knows_how():
    class Sharing(NamedTuple):
        own: object

        def take_rows(self, rows):
            return "taken", rows

        def lengthen(self, length):
            return "longer", length

    assert take_rows(Sharing(1), [0]) == ("taken", [0])
    assert lengthen(Sharing(1), 4) == ("longer", 4)
    state = {"numbers": ops.arange(3)}
    assert np.asarray(take_rows(state, ops.convert_to_tensor([2, 2]))["numbers"]).tolist() == [2, 2]
    assert lengthen(state, 4) is state


def test_ids_begin_with_start_and_tokens_are_written_at_their_place():
    ids = started_ids((1, 2, 3))
    assert np.asarray(ids).tolist() == [[[2, 0, 0], [2, 0, 0]]]
    written = write_token(ids, ops.convert_to_tensor([[7, 8]], "int32"), 2)
    assert np.asarray(written).tolist() == [[[2, 0, 7], [2, 0, 8]]]


def test_each_sentence_takes_its_own_translations():
    ids = ops.convert_to_tensor([[[1], [2]], [[3], [4]]])
    assert np.asarray(take_each(ids, ops.convert_to_tensor([[1, 1, 0], [0, 1, 1]]))).tolist() == [
        [[2], [2], [1]],
        [[3], [4], [4]],
    ]


def test_the_best_is_the_first():
    found = Hypotheses(np.arange(12).reshape(2, 3, 2), np.array([[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]])).best()
    assert found.ids.tolist() == [[0, 1], [6, 7]] and found.scores.tolist() == [3.0, 6.0]


def test_most_searches_need_nothing_but_the_state():
    assert Search().inputs([np.array([2, 3])], 8) == ()
