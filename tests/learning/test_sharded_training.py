"""Training from shards: in the command and in the pieces that meet there for the first time."""

import dataclasses
import json

import numpy as np
import pytest

from transformer_tutorial.cli import main
from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.sharded_corpus import prepare_sharded
from transformer_tutorial.fast.sharded_batches import ShardedBatches
from transformer_tutorial.learning.feed import Feed

CONFIG = Config(storage="shards", tokenizer="sentencepiece", lower_case=False, vocab_size=300, tokens_per_batch=512)
WORDS = ["o", "a", "gato", "cão", "casa", "vê", "ouve", "não", "um", "uma", "azul", "verde", "maçã", "avó", "João"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """300 training pairs, 8 for validation."""
    folder, generator = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    for name, count in {"pt.train": 300, "en.train": 300, "pt.dev": 8, "en.dev": 8}.items():
        lines = [f"{i} {' '.join(generator.choice(WORDS, generator.integers(1, 9)))}\n" for i in range(count)]
        (folder / name).write_text("".join(lines), "utf-8")
    return folder


@pytest.fixture(scope="module")
def prepared(folder, tmp_path_factory):
    return prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path_factory.mktemp("cache"))


def test_batches_come_from_the_shards_and_a_batch_knows_its_pairs(prepared, folder):
    feed = Feed(CONFIG, prepared)
    assert type(feed._batches(0)) is ShardedBatches and feed.steps(0) > 1
    ((source, _), _), *_ = feed.batches(1, 1)
    lines = (folder / "pt.train").read_text("utf-8").splitlines()
    texts = {text.decode() for text in prepared.tokenizers.source.detokenize(source[source[:, 0] > 0]).numpy()}
    assert texts == {lines[number] for number in feed.pairs(1, 1)}


def test_accumulated_batches_of_shards_are_weighted_by_their_tokens(prepared):
    feed = Feed(dataclasses.replace(CONFIG, accumulate=2), prepared)
    (_, first, weight), (_, second, other), *_ = feed.batches(0, 0)
    tokens = np.count_nonzero(first), np.count_nonzero(second)
    assert weight[0, 0] == pytest.approx(2 * tokens[0] / sum(tokens)) and weight[0, 0] + other[0, 0] == pytest.approx(2)


def test_the_command_trains_from_shards_and_keeps_gradient_norms(folder, tmp_path, capsys):
    flags = (
        "--tokenizer sentencepiece --no-lower-case --vocab-size 300 --tokens-per-batch 512 --num-layers 1 --d-model 8"
    )
    flags += f" --num-heads 2 --dff 8 --epochs 1 --storage shards --log-gradients --data {folder}"
    place = ["--run-dir", str(tmp_path / "run"), "--data-dir", str(tmp_path / "data")]
    assert main(["train", "--preset", "tutorial", *flags.split(), *place]) == 0
    said = capsys.readouterr().err
    assert "300 training pairs" in said and "no instructions for bfloat16" not in said
    assert (tmp_path / "run/model.keras").is_file()
    record = json.loads((tmp_path / "run/metrics.jsonl").read_text())
    assert record["gradient_norm"] > 0 and "encoder" in record["largest_gradient"]["variable"] + str(record)
    assert list((tmp_path / "data/prepared").glob("*/shards/pairs/*/*tfrecord*"))
