"""`data`: fetch and prepare a corpus, and show what it is like."""

import dataclasses
import sys

import numpy as np

from transformer_tutorial.cli import Data, preset_config
from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.data.overlap import describe_overlap, overlap
from transformer_tutorial.data.prepared import EncodedSplit, default_cache_dir, prepare


def run(options: Data) -> None:
    """Prints counts, token lengths and examples of each split; the test split is counted only where it exists."""
    config = dataclasses.replace(
        preset_config(options.preset),
        data=options.data,
        source_language=options.source_language,
        target_language=options.target_language,
    )
    config = with_absolute_path(config)
    corpus = open_config_corpus(config, options.data_dir, options.archive)
    prepared = prepare(corpus, config, default_cache_dir(options.data_dir))
    print(f"Prepared in {prepared.folder}", file=sys.stderr)
    tokenizers = prepared.tokenizers
    print(f"Corpus {config.data}: {config.source_language} to {config.target_language}")
    print(
        f"Vocabulary ({config.tokenizer}): {tokenizers.source.get_vocab_size():,} {config.source_language}, "
        f"{tokenizers.target.get_vocab_size():,} {config.target_language}"
    )
    for name in ("train", "validation"):
        print(describe(name, getattr(prepared, name), config.max_tokens))
    print(f"test: {'kept for the end, not opened' if 'test' in corpus.readers else 'none'}")
    train = corpus.read("train")
    print(describe_overlap("validation", overlap(corpus.read("validation"), train)))
    for source, target in list(zip(train.source, train.target, strict=True))[: options.examples]:
        print(f"\n{config.source_language}  {source}\n{config.target_language}  {target}")


def describe(name: str, split: EncodedSplit, max_tokens: int) -> str:
    """One line: pairs, what was left out or cut, and the lengths in tokens."""
    lengths = [np.array([len(ids) for ids in side]) for side in (split.source, split.target)]
    sides = "; ".join(
        f"{side} {np.mean(row):.1f} tokens on average, half up to {np.median(row):.0f}, longest {row.max()}"
        for side, row in zip(("source", "target"), lengths, strict=True)
    )
    return (
        f"{name}: {len(split.source):,} pairs ({split.skipped} skipped with an empty side, "
        f"{split.truncated} cut to {max_tokens} tokens); {sides}"
    )
