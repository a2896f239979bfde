"""How fast is a sentence translated, and how many in a second, against the tutorial's way?

All sides have the same weights and translate sentences of the same corpus:

    tutorial's way     one sentence; encoder and decoder anew for each token, and once more for the attention weights.
                       Called as the notebook calls it, and exported, which is a graph
    plain step         our searches with the definition of a step: the encoder once, the decoder anew for each token
    cached step        our searches as they are used: greedy at batch 1, 8 and 64, and with 4 beams
    XLA                the cached step compiled by XLA; only where asked for, because it compiles for each length
    CTranslate2        the same weights in a C++ engine, float32 and int8, from the folder given by --ctranslate2

A slow side gets fewer sentences. So that all are counted alike, the unit is a sentence of mean length: the tokens that
the cached step's greedy search makes of the sentences, divided by their mean. Without --run-dir the model is untrained,
and its translations go on to the length limit.

    python scripts/bench_decoding.py --run-dir runs/tutorial --rounds 5
    python scripts/bench_decoding.py --data phrasebook --preset demo --json
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from prepared_preset import prepare_preset
from side_by_side import Measurement, Side, Turns, cores, matrix_products, measure, report, run_script, take_turns

from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.config import read_config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair, encode
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.training import build_model
from transformer_tutorial.model import Transformer
from transformer_tutorial.token_ids import END_ID, START_ID

GROUPS = ("tutorial", "plain", "cached", "xla", "ctranslate2")
OURS, ONE = "cached step, batch 64", "cached step, one sentence"
EAGER, GRAPH = "tutorial's way, as in the notebook", "tutorial's way, exported"


@dataclasses.dataclass(frozen=True)
class Options:
    """How fast is a sentence translated, and how many in a second, against the tutorial's way?"""

    data: str | None = None
    """phrasebook, ted, or a folder or .tsv file; its validation split. Default: the run's own, or phrasebook."""
    run_dir: Path | None = None
    """A run folder with a trained model."""
    preset: str = "tutorial"
    """Without --run-dir: the untrained model's shape."""
    sentences: int = 512
    """Of the corpus, at most so many."""
    max_length: int = 129
    """Most tokens of a translation."""
    rounds: int = 5
    """Turns of each side."""
    sides: tuple[Literal["tutorial", "plain", "cached", "xla", "ctranslate2"], ...] = (
        "tutorial",
        "plain",
        "cached",
        "ctranslate2",
    )
    """Which to run."""
    ctranslate2: Path | None = None
    """The same model in CTranslate2's format, as `export --format ctranslate2` writes it."""
    data_dir: Path | None = None
    """Where downloaded and prepared text is kept."""
    smoke: bool = False
    """A tiny model, few sentences and one turn: does the benchmark run?"""
    json: bool = False
    """Print one JSON object as the last line."""


class Task(NamedTuple):
    """What is translated, and by what.

    Attributes:
        model: the Transformer.
        tokenizers: its tokenizers.
        source: one int array a sentence.
        max_length: most tokens of a translation.
        expected: the translations of the cached step's greedy search.
    """

    model: Transformer
    tokenizers: TokenizerPair
    source: list[np.ndarray]
    max_length: int
    expected: list[np.ndarray]


class Entry(NamedTuple):
    """One side before it is set up.

    Attributes:
        translate: from ids of sentences to ids of their translations.
        batch_size: sentences in one call.
        share: of the sentences that one turn translates, in (0, 1].
    """

    translate: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
    batch_size: int
    share: float = 1.0


def main(options: Options) -> None:
    """Lets all sides take turns and prints sentences a second, milliseconds for one sentence, and ratios."""
    if options.smoke:
        options = dataclasses.replace(options, sentences=12, max_length=12, rounds=1)
    task = make_task(options)
    agreement: dict[str, list[bool]] = {}
    sides = {name: make_side(task, entry, agreement.setdefault(name, [])) for name, entry in line_up(options, task)}
    turns = take_turns({**sides, **matrix_products(("float32",))}, options.rounds)
    tokens = np.mean([len(ids) - 1 for ids in task.expected])
    report(
        turns,
        "sentences",
        {
            **{f"batch 64 over {name}": (OURS, name) for name in sides if name != OURS},
            **{f"one sentence over {name}": (ONE, name) for name in (EAGER, GRAPH)},
        },
        notes=[
            f"{len(task.source)} sentences, {tokens:.1f} tokens a translation in the mean",
            *(describe(name, turns[name], agreement[name]) for name in sides),
        ],
        packages=("ctranslate2",),
        as_json=options.json,
    )


def make_task(options: Options) -> Task:
    """The model and the sentences: of every length in its share, shortest first."""
    if options.run_dir is None:
        config, prepared = prepare_preset(
            options.preset, options.data or "phrasebook", options.data_dir, smoke=options.smoke
        )
        tokenizers, source = prepared.tokenizers, prepared.validation.source
        keras.utils.set_random_seed(config.seed)
        model = build_model(config, tokenizers.source.get_vocab_size(), tokenizers.target.get_vocab_size())
        model.build(((None, None), (None, None)))
    else:
        config = read_config(options.run_dir)
        config = with_absolute_path(dataclasses.replace(config, data=options.data or config.data))
        model, tokenizers = RunFolder(options.run_dir).load_model()
        lines = open_config_corpus(config, options.data_dir).read("validation").source
        source = encode(tokenizers.source, lines, config.max_tokens).ids
    source = sorted(source, key=len)
    source = [source[i] for i in np.linspace(0, len(source) - 1, min(options.sentences, len(source))).astype(int)]
    search = BatchSearch(model, max_length=options.max_length)
    return Task(model, tokenizers, source, options.max_length, in_order(search_all(search, source), len(source)))


def line_up(options: Options, task: Task) -> list[tuple[str, Entry]]:
    """The sides that were asked for and can run, by name."""
    search = partial(BatchSearch, task.model, max_length=task.max_length)
    cached, entries = search(), []
    if "tutorial" in options.sides:
        loop = partial(tutorial_loop, task.model, task.max_length)
        signature = [tf.TensorSpec((1, None), tf.int32)]
        entries += [(EAGER, Entry(one_by_one(loop), 1, 1 / 256))]
        entries += [(GRAPH, Entry(one_by_one(tf.function(loop, input_signature=signature)), 1, 1 / 32))]
    if "plain" in options.sides:
        entries += [("plain step, batch 64", Entry(search(make_step=PlainStep), 64, 1 / 4))]
    if "cached" in options.sides:
        entries += [(ONE, Entry(cached, 1, 1 / 8)), ("cached step, batch 8", Entry(cached, 8, 1 / 2))]
        entries += [(OURS, Entry(cached, 64)), ("cached step, batch 64, 4 beams", Entry(search(BeamSearch(4)), 64))]
    if "xla" in options.sides:
        xla = search(jit_compile=True)
        entries += [("XLA, one sentence", Entry(xla, 1)), ("XLA, batch 64", Entry(xla, 64))]
    if "ctranslate2" in options.sides:
        entries += ctranslate2_entries(options, task)
    return entries


def make_side(task: Task, entry: Entry, agreement: list[bool]) -> Side:
    """A side whose amount is in sentences of mean length; notes for each whether it is the expected one."""
    batches = [numbers for numbers, _ in search_all(list, task.source, entry.batch_size)]
    tokens = np.array([len(ids) - 1 for ids in task.expected])
    calls = max(1, round(entry.share * len(batches)))

    def turn(number: int) -> Measurement:
        draw = np.random.default_rng(number).permutation(len(batches))
        # The first call of a side that compiles for each shape has to meet them all.
        chosen = [batches[i] for i in (draw[:calls] if number or calls < len(batches) else range(len(batches)))]
        found = []

        def translate() -> float:
            for numbers in chosen:
                found.extend(zip(numbers, entry.translate([task.source[i] for i in numbers]), strict=True))
            return sum(tokens[i] for i, _ in found) / np.mean(tokens)

        measured = measure(translate)
        agreement.extend(np.array_equal(ids, task.expected[i]) for i, ids in found)
        return measured

    return turn


def one_by_one(translate: Callable) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """From a function of one sentence's ids, (1, S), to one of several sentences."""
    return lambda source: [translate(tf.constant(ids[None], tf.int32))[0].numpy() for ids in source]


def tutorial_loop(transformer: Transformer, max_length: int, source):
    """The notebook's `Translator.__call__` from ids, (1, S), to ids, (1, T): everything anew for each token."""
    output = tf.TensorArray(tf.int32, size=0, dynamic_size=True)
    output = output.write(0, [START_ID])
    for position in tf.range(max_length - 1):
        known = tf.transpose(output.stack())
        predictions = transformer([source, known], training=False)[:, -1:, :]
        token = tf.argmax(predictions, axis=-1, output_type=tf.int32)
        output = output.write(position + 1, token[0])
        if token[0][0] == END_ID:
            break
    ids = tf.transpose(output.stack())
    transformer([source, ids[:, :-1]], training=False)  # once more, for the attention weights
    return ids


def ctranslate2_entries(options: Options, task: Task) -> list[tuple[str, Entry]]:
    """CTranslate2 on the exported model, if both are there; otherwise says so on stderr."""
    if options.ctranslate2 is None or importlib.util.find_spec("ctranslate2") is None:
        print("CTranslate2 is left out: it needs the package and --ctranslate2 FOLDER.", file=sys.stderr)
        return []
    import ctranslate2

    def pieces(tokenizer, ids) -> list[str]:
        return [piece.decode() for piece in tokenizer.lookup(tf.constant(ids, tf.int64)).numpy()]

    vocabulary = pieces(task.tokenizers.target, np.arange(task.model.target_vocab_size))
    number = {piece: i for i, piece in enumerate(vocabulary)}
    tokens = {tuple(ids): pieces(task.tokenizers.source, ids[1:-1]) for ids in task.source}  # it adds [START] and [END]

    def translate(engine, source: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = engine.translate_batch(
            [tokens[tuple(ids)] for ids in source], beam_size=1, max_decoding_length=task.max_length - 1
        )
        closed = ([START_ID, *(number[piece] for piece in one.hypotheses[0]), END_ID] for one in found)
        return [np.array(ids[: task.max_length]) for ids in closed]  # one that reached the limit has no [END]

    entries = []
    for kind in ("float32", "int8"):
        engine = ctranslate2.Translator(str(options.ctranslate2), compute_type=kind, intra_threads=cores())
        entries += [(f"CTranslate2 {kind}, one sentence", Entry(partial(translate, engine), 1, 1 / 8))]
        entries += [(f"CTranslate2 {kind}, batch 64", Entry(partial(translate, engine), 64))]
    return entries


def describe(name: str, turns: Turns, agreement: list[bool]) -> str:
    """Milliseconds for one sentence, and how many translations are the expected ones."""
    milliseconds = f"{1000 / turns.per_second():10,.1f} ms for a sentence"
    return f"{name:<36} {milliseconds}, {np.mean(agreement):6.1%} of the translations as expected"


if __name__ == "__main__":
    run_script(main, Options)
