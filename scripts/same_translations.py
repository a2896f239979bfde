"""Do all ways to translate with a trained model give the same translations?

Every sentence of a split is translated by the definition, the plain step, and then

    cached step     in batches of several sizes and orders: the same tokens, greedy and with beams
    exports         by the translate.py of each folder given by --exports, in a process of its own: the same text

    python scripts/same_translations.py --run-dir runs/demo
    python scripts/same_translations.py --run-dir runs/demo --exports exported exported-ctranslate2

Exit code 1 when a cached step's tokens differ, or a text of an export in more than 1 % of the sentences.
"""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from side_by_side import describe_machine, run_script

from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.config import read_config
from transformer_tutorial.data.tokenizer_pair import encode
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.decoding.translator import Translator, beam_search_or_greedy
from transformer_tutorial.learning.run_folder import RunFolder

MOST_DIFFERENT = 0.01  # share of an export's texts


@dataclasses.dataclass(frozen=True)
class Options:
    """Do all ways to translate with a trained model give the same translations?"""

    run_dir: Path = Path("runs/demo")
    """A run folder that `train` made."""
    data: str | None = None
    """phrasebook, ted, or a folder or .tsv file. Default: the run's own corpus."""
    split: Literal["validation", "test"] = "test"
    """Whose sentences."""
    sentences: int | None = None
    """Only the first so many."""
    batch_sizes: tuple[int, ...] = (1, 7, 64, 256)
    """Of the cached step."""
    beam_sizes: tuple[int, ...] = (1, 4)
    """1 is greedy search."""
    exports: tuple[Path, ...] = ()
    """Folders that `export` made, with greedy search."""
    data_dir: Path | None = None
    """Where downloaded text is kept."""
    json: bool = False
    """Print one JSON object as the last line."""


def main(options: Options) -> None:
    """Prints in how many sentences each way differs from the plain step."""
    config = read_config(options.run_dir)
    config = with_absolute_path(dataclasses.replace(config, data=options.data or config.data))
    model, tokenizers = RunFolder(options.run_dir).load_model()
    lines = open_config_corpus(config, options.data_dir).read(options.split).source[: options.sentences]
    source = encode(tokenizers.source, lines, config.max_tokens).ids
    different, wrong = {}, False
    for beam_size in options.beam_sizes:
        search = beam_search_or_greedy(beam_size, 1.0)
        plain = BatchSearch(model, search, config.max_tokens + 1, make_step=PlainStep)
        cached = BatchSearch(model, search, config.max_tokens + 1)
        expected = in_order(search_all(plain, source), len(source))
        for batch_size in options.batch_sizes:
            for order, numbers in orders(len(source)).items():
                found = in_order(search_all(cached, [source[i] for i in numbers], batch_size), len(source))
                differ = [i for i, ids in zip(numbers, found, strict=True) if not np.array_equal(ids, expected[i])]
                name = f"cached step, {beam_size} beams, batch {batch_size}, {order}"
                different[name] = show(name, differ, lines)
                wrong |= bool(differ)
    texts = Translator(tokenizers, model, config.max_tokens).translate(lines)
    for folder in options.exports:
        found = translated_by(folder, lines)
        differ = [i for i, pair in enumerate(zip(found, texts, strict=True)) if pair[0] != pair[1]]
        different[str(folder)] = show(str(folder), differ, lines)
        wrong |= len(differ) > MOST_DIFFERENT * len(lines)
    if options.json:
        machine = describe_machine({}, ("ctranslate2",))
        print(json.dumps({"sentences": len(lines), "different": different, "machine": machine}))
    if wrong:
        sys.exit(1)


def orders(count: int) -> dict[str, list[int]]:
    """The numbers of the sentences as they stand, and shuffled."""
    return {"in order": list(range(count)), "shuffled": np.random.default_rng(0).permutation(count).tolist()}


def translated_by(folder: Path, lines: Sequence[str]) -> list[str]:
    """What an export's own program makes of the lines."""
    command = [sys.executable, str(folder.resolve() / "translate.py")]
    done = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def show(name: str, differ: Sequence[int], lines: Sequence[str]) -> int:
    """Prints one way's line, with the first sentence in which it differs; returns in how many it does."""
    first = f", first: {lines[differ[0]]}" if differ else ""
    print(f"{name:<48} {len(differ):>6} of {len(lines):,} sentences differ{first}", flush=True)
    return len(differ)


if __name__ == "__main__":
    run_script(main, Options)
