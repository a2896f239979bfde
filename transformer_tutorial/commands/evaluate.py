"""`evaluate`: translate a split, score it, and keep the scores with the translations in the run folder."""

import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from transformer_tutorial.cli import Evaluate
from transformer_tutorial.commands.evaluation_table import as_table
from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.config import Config, read_config
from transformer_tutorial.data.corpus import Split
from transformer_tutorial.data.overlap import overlap
from transformer_tutorial.data.parallel_files import read_lines
from transformer_tutorial.decoding.translator import Translator, beam_search_or_greedy
from transformer_tutorial.evaluation import by_source_words, compare, faults, score
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.devices import describe_device
from transformer_tutorial.runtime.errors import UsageError

WITHOUT_INFLUENCE = {"run_dir", "compare", "limit", "json", "data_dir", "archive", "debug"}  # on a translation


class Translations(NamedTuple):
    """What a model makes of a split.

    Attributes:
        hypotheses: translations, one a sentence.
        cut: for each, whether it was cut at the length limit.
        truncated: number of sources that were longer than the model takes.
        seconds: what the translating took, without loading the model.
    """

    hypotheses: list[str]
    cut: list[bool]
    truncated: int
    seconds: float


def run(options: Evaluate) -> None:
    """Prints the scores; the same object is kept in the run folder, see `keep`."""
    run_folder, config = open_run(options.run_dir, options)
    print(describe_device(), file=sys.stderr)
    print(f"Run folder: {options.run_dir}", file=sys.stderr)
    split = read_split(options, config)
    in_train = overlap_with_training(options, config, split)
    others = None if options.compare is None else other_hypotheses(options, config, split)
    found = translate(run_folder, config, split.source, options)
    result = {
        **score(found.hypotheses, split.target, config.target_language),
        "by_source_words": by_source_words(split.source, found.hypotheses, split.target),
        "output": faults(split.source, found.hypotheses, found.cut),
        "in_train": in_train,
        "truncated": found.truncated,
        "sentences": len(split.source),
        "seconds": round(found.seconds, 2),
        **identity(run_folder, config, options),
    }
    if others is not None:
        result["compared_with"] = str(options.compare)
        result["comparison"] = compare(found.hypotheses, others, split.target, config.target_language)
    keep(run_folder, options, result, found.hypotheses, split)
    print(json.dumps(result) if options.json else as_table(result))


def open_run(run_dir: Path, options: Evaluate) -> tuple[RunFolder, Config]:
    """A run folder, and its config with the corpus that --data names."""
    config = read_config(run_dir)
    if options.data is not None:
        config = with_absolute_path(dataclasses.replace(config, data=options.data))
    return RunFolder(run_dir), config


def read_split(options: Evaluate, config: Config) -> Split:
    """The first --limit pairs of the split to evaluate on."""
    split = open_config_corpus(config, options.data_dir, options.archive).read(options.split)
    return split._replace(source=split.source[: options.limit], target=split.target[: options.limit])


def overlap_with_training(options: Evaluate, config: Config, split: Split) -> dict[str, int] | None:
    """How many lines of the split the run was trained on; None where --data names a corpus that is not its own."""
    if options.data is not None:
        return None
    return overlap(split, open_config_corpus(config, options.data_dir, options.archive).read("train"))._asdict()


def translate(run_folder: RunFolder, config: Config, texts: list[str], options: Evaluate) -> Translations:
    """Translates in batches with a progress bar on stderr."""
    model, tokenizers = run_folder.load_model()
    translator = Translator(tokenizers, model, config.max_tokens)
    began = time.monotonic()
    best = []
    with tqdm(total=len(texts), unit="sentence", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for batch in translator.stream(texts, beam_search_or_greedy(options.beam_size, options.length_penalty)):
            best += [first for first, *_ in batch]
            bar.update(len(batch))
    hypotheses, cut = [one.text for one in best], [one.cut for one in best]
    return Translations(hypotheses, cut, translator.truncated, time.monotonic() - began)


def other_hypotheses(options: Evaluate, config: Config, split: Split) -> list[str]:
    """What the run of --compare makes of `split`: the translations it keeps if they fit, otherwise new ones.

    Raises:
        UsageError: the other run translates other languages, or its own corpus is another and --data names none.
    """
    other_folder, other_config = open_run(options.compare, options)
    languages, others = ((c.source_language, c.target_language) for c in (config, other_config))
    if languages != others:
        raise UsageError(
            f"--compare needs a run that translates {' to '.join(languages)}, {options.compare} translates "
            f"{' to '.join(others)}."
        )
    kept = kept_hypotheses(other_folder, other_config, options, split)
    if kept is not None:
        print(f"Compared with the translations in {options.compare}", file=sys.stderr)
        return kept
    if other_config.data != config.data and read_split(options, other_config)[:2] != split[:2]:
        raise UsageError(
            f"{options.compare} has other sentences: {options.split} of its corpus {other_config.data} is not that of "
            f"{config.data}. Add --data CORPUS, and both runs translate the same text."
        )
    print(f"{options.compare} keeps no translations of this text with these settings: translating", file=sys.stderr)
    return translate(other_folder, other_config, split.source, options).hypotheses


def kept_hypotheses(run_folder: RunFolder, config: Config, options: Evaluate, split: Split) -> list[str] | None:
    """The translations of an earlier `evaluate` if it had this text, these settings and today's model, else None.

    One of all sentences does as well: a translation does not depend on its neighbours.
    """
    found = (kept_as(name, run_folder, config, options, split) for name in evaluation_names(options))
    return next((hypotheses for hypotheses in found if hypotheses is not None), None)


def kept_as(name: str, run_folder: RunFolder, config: Config, options: Evaluate, split: Split) -> list[str] | None:
    """What `kept_hypotheses` finds in the files of one name."""
    files = [run_folder.path / f"evaluation-{name}.{ending}" for ending in ("json", "hypotheses.txt", "references.txt")]
    if not all(file.is_file() for file in [*files, run_folder.model]):
        return None
    about, hypotheses, references = json.loads(files[0].read_text("utf-8")), *map(read_lines, files[1:])
    same = identity(run_folder, config, options).items() <= about.items()
    count = len(split.target)
    if not same or len(hypotheses) != len(references) or references[:count] != split.target:
        return None
    return hypotheses[:count]


def identity(run_folder: RunFolder, config: Config, options: Evaluate) -> dict[str, Any]:
    """All that decides what a translation of the corpus is: the model, the text and the settings of the search."""
    settings = {name: value for name, value in vars(options).items() if name not in WITHOUT_INFLUENCE}
    model = hashlib.sha256(run_folder.model.read_bytes()).hexdigest()
    return {**settings, "data": config.data, "model_sha256": model}


def keep(run_folder: RunFolder, options: Evaluate, result: dict[str, Any], hypotheses: list[str], split: Split) -> None:
    """Writes evaluation-NAME.json, .hypotheses.txt and .references.txt."""
    name = evaluation_names(options)[-1]
    run_folder.write_json(f"evaluation-{name}.json", result)
    for kind, lines in {"hypotheses": hypotheses, "references": split.target}.items():
        run_folder.write_text(f"evaluation-{name}.{kind}.txt", "".join(f"{line}\n" for line in lines))


def evaluation_names(options: Evaluate) -> list[str]:
    """What an evaluation of all sentences is called, and with --limit also one of the first so many.

    SPLIT, or CORPUS-SPLIT for another corpus than the run's own; SPLIT-first-100.
    """
    name = options.split if options.data is None else f"{Path(options.data).stem}-{options.split}"
    return [name] if options.limit is None else [name, f"{name}-first-{options.limit}"]
