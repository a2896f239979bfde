"""`evaluate`: translate a split, score it, and keep the scores with the translations in the run folder."""

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from transformer_tutorial.cli import Evaluate
from transformer_tutorial.commands.train import open_config_corpus
from transformer_tutorial.config import Config, read_config
from transformer_tutorial.data.corpus import Split
from transformer_tutorial.decoding.translator import Translator
from transformer_tutorial.evaluation import score
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.devices import describe_device


def run(options: Evaluate) -> None:
    """Prints the scores; the same object is kept as evaluation-SPLIT.json."""
    run_folder, config = RunFolder(options.run_dir), read_config(options.run_dir)
    print(describe_device(), file=sys.stderr)
    print(f"Run folder: {options.run_dir}", file=sys.stderr)
    split = read_split(options, config)
    model, tokenizers = run_folder.load_model()
    translator = Translator(tokenizers, model, config.max_tokens)
    began = time.monotonic()
    hypotheses = translate_with_bar(translator, split.source, options.beam_size, options.length_penalty)
    seconds = time.monotonic() - began
    result = {
        **score(hypotheses, split.target, config.target_language),
        "sentences": len(split.source),
        "seconds": round(seconds, 2),
        "beam_size": options.beam_size,
        "length_penalty": options.length_penalty,
        "split": options.split,
        "data": options.data or config.data,
        "truncated": translator.truncated,
    }
    keep(run_folder, options, result, hypotheses, split)
    print(json.dumps(result) if options.json else as_table(result))


def read_split(options: Evaluate, config: Config) -> Split:
    """The split to evaluate on, from the run's own corpus unless another is named."""
    if options.data is not None:
        config = dataclasses.replace(config, data=options.data)
    corpus = open_config_corpus(config, options.data_dir, options.archive)
    split = corpus.read(options.split)
    return split._replace(source=split.source[: options.limit], target=split.target[: options.limit])


def translate_with_bar(translator: Translator, texts: list[str], beam_size: int, length_penalty: float) -> list[str]:
    """Translates in batches with a progress bar on stderr."""
    hypotheses: list[str] = []
    with tqdm(total=len(texts), unit="sentence", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for batch in translator.translate_in_batches(texts, beam_size, length_penalty, batch_size=512):
            hypotheses += batch
            bar.update(len(batch))
    return hypotheses


def keep(run_folder: RunFolder, options: Evaluate, result: dict[str, Any], hypotheses: list[str], split: Split) -> None:
    """Writes evaluation-SPLIT.json, .hypotheses.txt and .references.txt; another corpus's name goes before SPLIT."""
    name = options.split if options.data is None else f"{Path(options.data).stem}-{options.split}"
    run_folder.write_json(f"evaluation-{name}.json", result)
    for kind, lines in {"hypotheses": hypotheses, "references": split.target}.items():
        run_folder.write_text(f"evaluation-{name}.{kind}.txt", "".join(f"{line}\n" for line in lines))


def as_table(result: dict[str, Any]) -> str:
    """The scores with their signatures, for people."""
    lines = [f"{name:<10}  {result[name]:6.2f}   {result[f'{name}_signature']}" for name in SCORES]
    rest = {name: value for name, value in result.items() if not name.startswith(SCORES)}
    return "\n".join([*lines, ", ".join(f"{name} {value}" for name, value in rest.items())])


SCORES = ("bleu_tok", "bleu_detok", "chrf")
