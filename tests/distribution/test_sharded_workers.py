"""Real processes train from shards: each reads its part alone, and together they train what one process trains."""

import shutil

import numpy as np
import pytest

from distribution.test_workers import run_workers
from learning.test_sharded_training import folder  # noqa: F401  the corpus, a fixture


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):  # noqa: F811
    """What one process tells, and what each of three tells, whose parts are unequal: 2, 1 and 1 lanes of 4."""
    found = {}
    for count in (1, 3):
        places = [tmp_path_factory.mktemp(f"{count}-workers") for _ in range(count)]
        for place in places:
            shutil.copytree(folder, place / "corpus")
        found[count] = run_workers("sharded_program.py", [[str(place)] for place in places])
    return found


def test_no_worker_reads_the_shards_of_another(trained):
    assert [worker["read"] for worker in trained[3]] == [[0, 1], [2], [3]]
    assert [worker["read"] for worker in trained[1]] == [[0, 1, 2, 3]]


def test_workers_train_what_one_process_trains(trained):
    (one,) = trained[1]
    assert one["history"][1]["loss"] < one["history"][0]["loss"]
    for worker in trained[3]:
        for found, expected in zip(worker["history"], one["history"], strict=True):
            assert found == pytest.approx(expected, abs=1e-5)
        np.testing.assert_allclose(worker["logits"], one["logits"], atol=1e-3)
