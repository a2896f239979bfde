import json
from types import SimpleNamespace

import numpy as np
import pytest

from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.learning.lost_batches import describe_lost_batches, shortened
from transformer_tutorial.learning.run_folder import RunFolder


@pytest.fixture
def corpus(tmp_path):
    """Pair i is in line i + 2: the first line is blank."""
    for language in ("pt", "en"):
        (tmp_path / f"{language}.train").write_text("\n" + "".join(f"{i}\n" for i in range(40)))
    return open_corpus(str(tmp_path))


def feed(accumulate: int):
    return SimpleNamespace(
        config=SimpleNamespace(accumulate=accumulate),
        pairs=lambda epoch, batch: np.array([10 * epoch + batch, 30]) if batch < 3 else np.arange(20),
    )


def test_the_lines_of_the_batch_and_of_the_one_before_are_named(tmp_path, corpus):
    (tmp_path / "run").mkdir()
    message = describe_lost_batches(RunFolder(tmp_path / "run"), corpus, feed(1), epoch=1, batch=2)
    origin = f"{tmp_path / 'pt.train'} and {tmp_path / 'en.train'}"
    file = tmp_path / "run" / "lost-batches.json"
    assert message == f"It comes from {origin}, batch 2: lines 13, 32; batch 3: lines 14, 32 (all in {file})."
    assert json.loads(file.read_text()) == {
        "origin": origin,
        "epoch": 2,
        "lines_of_batch": {"2": [13, 32], "3": [14, 32]},
    }


def test_all_batches_of_an_update_are_named_and_long_lists_shortened(tmp_path, corpus):
    (tmp_path / "run").mkdir()
    message = describe_lost_batches(RunFolder(tmp_path / "run"), corpus, feed(2), epoch=0, batch=3)
    assert "batch 2: lines 3, 32; batch 3: lines 4, 32; batch 4: lines 2, 3, 4, 5, 6, 7, 8, 9 and 12 more" in message
    assert len(json.loads((tmp_path / "run/lost-batches.json").read_text())["lines_of_batch"]["4"]) == 20


def test_the_first_batch_of_an_epoch_is_alone(tmp_path, corpus):
    (tmp_path / "run").mkdir()
    message = describe_lost_batches(RunFolder(tmp_path / "run"), corpus, feed(1), epoch=0, batch=0)
    assert "train, batch 1: lines 2, 32 (all in" in message
    assert list(json.loads((tmp_path / "run/lost-batches.json").read_text())["lines_of_batch"]) == ["1"]


def test_short_lists_are_shown_whole():
    assert shortened(list(range(8))) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert shortened(list(range(9))) == "0, 1, 2, 3, 4, 5, 6, 7 and 1 more"
