import json

import numpy as np
import pytest

from transformer_tutorial.data import shards as shards_module
from transformer_tutorial.data.shards import BLOCK, Rows, Shards, write_shards
from transformer_tutorial.runtime.errors import Failure, UsageError


def random_pairs(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(2, 30, (count, 2))
    return [
        tuple(np.array([2, i + 4, *generator.integers(4, 500, n - 1), 3], "int32") for n in size)
        for i, size in enumerate(sizes)
    ]


PAIRS = random_pairs(1500)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """1,500 pairs in 3 rounds of 2 lanes."""
    folder = tmp_path_factory.mktemp("corpus") / "shards"
    write_shards(folder, iter(PAIRS), len(PAIRS), lanes=2, pairs_at_once=512)
    return Shards(folder)


def pairs_of(shard) -> list:
    return list(zip(shard.source, shard.target, strict=True))


def as_texts(pairs) -> list[str]:
    return [f"{source.tolist()} {target.tolist()}" for source, target in pairs]


def test_rows_are_views_of_one_array():
    rows = Rows(np.arange(6), np.array([1, 0, 3, 2]))
    assert [row.tolist() for row in rows] == [[0], [], [1, 2, 3], [4, 5]]
    assert len(rows) == 4 and rows[-1].base is rows.flat


def test_every_pair_is_in_one_shard(shards):
    stored = [pair for number in range(len(shards)) for pair in pairs_of(shards.read(number))]
    assert sorted(as_texts(stored)) == sorted(as_texts(PAIRS))
    assert shards.pairs == 1500 and len(shards) == 6 and shards.lanes == 2
    assert stored[0][0].dtype == np.int32


def test_every_pair_keeps_its_number(shards):
    for number in range(len(shards)):
        shard = shards.read(number)
        assert as_texts(pairs_of(shard)) == as_texts(PAIRS[place] for place in shard.numbers)


def test_the_corpus_is_mixed_and_always_in_the_same_way(shards, tmp_path):
    stored = as_texts(pair for number in range(len(shards)) for pair in pairs_of(shards.read(number)))
    assert stored != as_texts(PAIRS)
    places = {text: place for place, text in enumerate(as_texts(PAIRS))}
    blocks = [places[text] // BLOCK for text in stored[::BLOCK]]
    assert blocks != sorted(blocks)
    write_shards(tmp_path / "again", iter(PAIRS), len(PAIRS), lanes=2, pairs_at_once=512)
    again = Shards(tmp_path / "again")
    assert stored == as_texts(pair for number in range(6) for pair in pairs_of(again.read(number)))


def test_shards_are_of_nearly_equal_size(shards):
    assert max(shards.sizes) - min(shards.sizes) <= BLOCK + BLOCK


def test_the_lengths_are_known_without_reading(shards, monkeypatch):
    expected = [[len(row) for row in shards.read(3).source], [len(row) - 1 for row in shards.read(3).target]]
    monkeypatch.setattr(shards_module, "_read", None)
    assert shards.lengths(3).T.tolist() == expected
    assert sum(len(shards.lengths(number)) for number in range(6)) == 1500


def test_too_small_a_corpus_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"shards are for large corpora, of at least 256 pairs, got 255\."):
        write_shards(tmp_path / "shards", iter(PAIRS[:255]), 255)
    write_shards(tmp_path / "shards", iter(PAIRS[:256]), 256)
    assert Shards(tmp_path / "shards").sizes == [64] * 4


@pytest.mark.parametrize("came", [511, 513])
def test_a_corpus_that_changes_while_it_is_read_is_noticed(tmp_path, came):
    message = r"The corpus changed while it was read: 512 pairs were counted\. Run the same command again"
    with pytest.raises(Failure, match=message):
        write_shards(tmp_path / "shards", iter(PAIRS[:came]), 512)


def test_an_incomplete_folder_is_refused(tmp_path):
    with pytest.raises(Failure, match=r"is incomplete .* Delete it and run the same command again"):
        Shards(tmp_path)
    (tmp_path / "about.json").write_text(json.dumps({"sizes": [1]}))
    with pytest.raises(Failure, match="is incomplete"):
        Shards(tmp_path)


@pytest.mark.parametrize("damage", ["flip", "half", "missing"])
def test_a_damaged_shard_is_found(tmp_path, damage):
    write_shards(tmp_path / "shards", iter(PAIRS[:256]), 256)
    (file,) = (tmp_path / "shards").glob("pairs/1.0.0/*tfrecord-00002-of-00004")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    if damage == "missing":
        file.unlink()
    shards = Shards(tmp_path / "shards")
    assert len(shards.read(1).source) == 64
    with pytest.raises(Failure, match=r"Shard 2 in .* cannot be read: .* Delete the folder and prepare it again"):
        shards.read(2)
