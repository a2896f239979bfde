import numpy as np
import pytest

from learning.test_feed import prepared  # noqa: F401
from transformer_tutorial.learning.samples import Samples


class Oracle:
    """Stands for a search: it answers with the references of the sentences it is asked for, all or but the first."""

    def __init__(self, split, wrong=False):
        self.answers = {tuple(source): target for source, target in zip(split.source, split.target, strict=True)}
        self.wrong = wrong

    def __call__(self, source):
        return [np.array([2, 3]) if self.wrong else self.answers[tuple(ids)] for ids in source]


def test_examples_show_source_reference_and_hypothesis(prepared):  # noqa: F811
    text = prepared.text["validation"]
    lines = Samples(Oracle(prepared.validation), prepared, 0).examples()
    expected = []
    for source, target in list(zip(text.source, text.target, strict=True))[:3]:
        expected += [f"source      {source}", f"reference   {target}", f"hypothesis  {target}"]
    assert lines == expected


@pytest.mark.parametrize(("wrong", "expected"), [(False, 100.0), (True, 0.0)])
def test_bleu_is_that_of_the_sample(prepared, wrong, expected):  # noqa: F811
    samples = Samples(Oracle(prepared.validation, wrong), prepared, 5)
    assert samples.bleu() == pytest.approx(expected) and len(samples.sample) == 5
    same = Samples(Oracle(prepared.validation), prepared, 5)
    np.testing.assert_array_equal(same.sample, samples.sample)


def test_without_sentences_there_is_no_bleu(prepared):  # noqa: F811
    assert Samples(Oracle(prepared.validation), prepared, 0).bleu() is None
