import itertools

import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial.data.batches import BatchPlan, PlainBatches, as_dataset, make_batches, prepare_batch
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.data.tokenizers import WordPieceTokenizer
from transformer_tutorial.fast.bucketed_batches import BucketedBatches
from transformer_tutorial.token_ids import RESERVED_TOKENS


def sentences(count: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Random pairs of ids from 2 to 3; the second id is the sentence's own number + 10, on both sides."""
    generator = np.random.default_rng(seed)

    def side():
        lengths = generator.integers(1, 30, count)
        return [np.array([2, number + 10, *generator.integers(4, 9, n), 3]) for number, n in enumerate(lengths)]

    return side(), side()


SOURCE, TARGET = sentences(50)
KINDS = {
    "plain": lambda seed: PlainBatches(SOURCE, TARGET, 8, seed),
    "bucketed": lambda seed: BucketedBatches(SOURCE, TARGET, 120, seed),
}


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


def as_lists(batches) -> list:
    return [[array.tolist() for array in (*inputs, labels)] for inputs, labels in batches]


def numbers(batches) -> list[int]:
    """The numbers of the sentences, in the order of the batches."""
    return [int(row[1]) - 10 for (source, _), _ in batches for row in source if row[0]]


def test_the_target_is_shifted_by_one_for_teacher_forcing():
    source, target = [np.array([2, 7, 3]), np.array([2, 3])], [np.array([2, 5, 6, 3]), np.array([2, 3])]
    ((inputs, labels),) = PlainBatches(source, target, 2, None).epoch(0)
    np.testing.assert_array_equal(inputs[0], [[2, 7, 3], [2, 3, 0]])
    np.testing.assert_array_equal(inputs[1], [[2, 5, 6], [2, 0, 0]])
    np.testing.assert_array_equal(labels, [[5, 6, 3], [3, 0, 0]])
    assert {array.dtype for array in (*inputs, labels)} == {np.dtype("int32")}


def test_rows_beyond_the_sentences_are_padding():
    (source, inputs), labels = PlainBatches(SOURCE, TARGET, 8, 0).pad(BatchPlan(np.array([1]), 3, 40, 41))
    assert source.shape == (3, 40) and inputs.shape == labels.shape == (3, 41)
    assert not source[1:].any() and not inputs[1:].any() and not labels[1:].any()
    assert source[0, : len(SOURCE[1])].tolist() == SOURCE[1].tolist() and not source[0, len(SOURCE[1]) :].any()


def test_every_sentence_occurs_once_an_epoch_beside_its_own_translation(make):
    for epoch in range(3):
        batches = list(make(5).epoch(epoch))
        assert sorted(numbers(batches)) == list(range(50))
        for (source, inputs), labels in batches:
            for i, row in enumerate(source):
                number = int(row[1]) - 10 if row[0] else None
                expected = TARGET[number] if row[0] else np.zeros(1)
                assert inputs[i][inputs[i] > 0].tolist() == expected[:-1].tolist()
                assert labels[i][labels[i] > 0].tolist() == expected[1:].tolist()


def test_the_order_is_a_function_of_seed_and_epoch_alone(make):
    fresh = as_lists(make(5).epoch(2))
    used = make(5)
    for epoch in (0, 1, 2):
        list(used.epoch(epoch))
    assert as_lists(used.epoch(2)) == fresh


def test_epochs_and_seeds_differ_in_order(make):
    orders = [numbers(make(seed).epoch(epoch)) for seed, epoch in itertools.product(range(3), range(3))]
    assert len({tuple(order) for order in orders}) == 9
    together = [{tuple(sorted(plan.indices)) for plan in make(5).plan(epoch)} for epoch in (0, 1)]
    assert together[0] != together[1]


def test_an_epoch_can_be_entered_at_any_batch(make):
    batches = make(5)
    whole = as_lists(batches.epoch(1))
    for start in (0, 1, len(whole) - 1, len(whole)):
        assert as_lists(batches.epoch(1, start=start)) == whole[start:]


def test_every_epoch_has_the_same_number_of_batches(make):
    batches = make(5)
    assert {len(batches.plan(epoch)) for epoch in range(6)} == {len(list(batches.epoch(0)))}


def test_without_seed_the_given_order_is_kept():
    batches = PlainBatches(SOURCE, TARGET, 8, None)
    assert numbers(batches.epoch(0)) == numbers(batches.epoch(3)) == list(range(50))


def test_a_batch_is_as_wide_as_its_longest_sentence():
    for plan in PlainBatches(SOURCE, TARGET, 8, 0).plan(0):
        assert plan.source_width == max(len(SOURCE[i]) for i in plan.indices)
        assert plan.target_width == max(len(TARGET[i]) for i in plan.indices) - 1
        assert plan.rows == len(plan.indices) <= 8


def test_the_share_of_real_tokens_is_counted(make):
    batches = make(5)
    labels = [labels for _, labels in batches.epoch(0)]
    share = sum(np.count_nonzero(array) for array in labels) / sum(array.size for array in labels)
    assert batches.real_token_share() == pytest.approx(share)


def test_a_dataset_asks_for_the_batches_each_time_it_is_iterated(make):
    batches, epochs = make(5), itertools.count()
    dataset = as_dataset(lambda: batches.epoch(next(epochs)))
    assert dataset.element_spec == ((tf.TensorSpec((None, None), tf.int32),) * 2, tf.TensorSpec((None, None), tf.int32))
    for epoch in range(2):
        assert as_lists(dataset.as_numpy_iterator()) == as_lists(batches.epoch(epoch))


def test_no_thread_that_tunes_holds_up_the_end_of_a_fit():
    assert as_dataset(lambda: iter(())).options().autotune.enabled is False


@pytest.fixture(scope="module")
def tokenizers():
    """One piece a letter: a is 4, b is 5 and so on."""
    return TokenizerPair(*(WordPieceTokenizer([*RESERVED_TOKENS, *"abcdefgh"]) for _ in range(2)))


def test_the_notebooks_function_shifts_and_pads(tokenizers):
    (source, inputs), labels = prepare_batch(tf.constant(["a b", "a"]), tf.constant(["c", "d e"]), tokenizers)
    assert source.numpy().tolist() == [[2, 4, 5, 3], [2, 4, 3, 0]]
    assert inputs.numpy().tolist() == [[2, 6, 3], [2, 7, 8]]
    assert labels.numpy().tolist() == [[6, 3, 0], [7, 8, 3]]


@pytest.mark.parametrize("max_tokens", [4, 5, 6, 7, 8])
def test_the_notebooks_function_cuts_to_max_tokens_and_keeps_the_end(tokenizers, max_tokens):
    text = tf.constant(["a b c d e", "a", ""])
    (source, inputs), labels = prepare_batch(text, text, tokenizers, max_tokens)
    width = min(max_tokens, 7)
    assert source.shape == (3, width)
    assert source.numpy()[0].tolist() == [2, *range(4, 4 + width - 2), 3]
    assert inputs.shape == labels.shape == (3, min(max_tokens, 6))
    assert labels.numpy()[0, -1] == 3 and inputs.numpy()[0, 0] == 2
    assert source.numpy()[1:].tolist() == [[2, 4, 3, *[0] * (width - 3)], [2, 3, *[0] * (width - 2)]]


def test_the_notebooks_dataset_holds_every_pair_once(tokenizers):
    texts = ["a", "b a", "c", "d", "e b c", "f", "g"]
    pairs = tf.data.Dataset.from_tensor_slices((texts, texts))
    batches = list(make_batches(pairs, tokenizers, batch_size=3, max_tokens=4).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    found = sorted(tuple(row[row > 0].tolist()) for (source, _), _ in batches for row in source)
    assert found == sorted(
        map(tuple, [[2, 4, 3], [2, 5, 4, 3], [2, 6, 3], [2, 7, 3], [2, 8, 5, 3], [2, 9, 3], [2, 10, 3]])
    )


def test_the_notebooks_dataset_is_shuffled(tokenizers):
    texts = list("abcdefgh") * 8
    pairs = tf.data.Dataset.from_tensor_slices((texts, texts))
    (((source, _), _),) = make_batches(pairs, tokenizers, batch_size=64).as_numpy_iterator()
    assert source[:, 1].tolist() != list(range(4, 12)) * 8
