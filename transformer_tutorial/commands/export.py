"""`export`: one folder that holds a trained model in another form, with a translate.py that shows how to load it."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from transformer_tutorial.cli import Export
from transformer_tutorial.config import Config, read_config
from transformer_tutorial.decoding.translator import beam_search_or_greedy
from transformer_tutorial.export import programs
from transformer_tutorial.export.ctranslate2 import export_ctranslate2
from transformer_tutorial.export.keras_file import export_keras
from transformer_tutorial.export.limits import Limits
from transformer_tutorial.export.savedmodel import export_savedmodel
from transformer_tutorial.learning.run_folder import RunFolder, versions
from transformer_tutorial.model import Transformer, in_precision
from transformer_tutorial.runtime.checkpoints import sync
from transformer_tutorial.runtime.errors import Failure, UsageError

ABOUT = "export.json"  # in every export, and so the mark by which one is known
SEARCH = ("beam_size", "length_penalty", "batch_size", "max_length", "max_bytes")
PROGRAMS = {"savedmodel": "savedmodel", "keras": "keras_file", "ctranslate2": "ctranslate2"}
FLAGS = {"savedmodel": (*SEARCH, "precision"), "keras": ("precision",), "ctranslate2": ("quantization",)}


def run(options: Export) -> None:
    """Writes the folder, and prints how to use it."""
    check_flags(options)
    check_place(options.output)
    config, run_folder = read_config(options.run_dir), RunFolder(options.run_dir)
    search = beam_search_or_greedy(options.beam_size, options.length_penalty)
    limits = Limits(config.max_tokens, options.max_length, options.max_bytes, options.batch_size)
    model, tokenizers = run_folder.load_model()
    model = in_precision(model, options.precision)
    with new_folder(options.output) as folder:
        if options.format == "savedmodel":
            export_savedmodel(model, tokenizers, search, limits, folder)
        elif options.format == "keras":
            export_keras(model, tokenizers, config, folder)
        else:
            export_ctranslate2(model, tokenizers, folder, options.quantization)
            tokenizers.save(folder / "tokenizers")
        shutil.copyfile(Path(programs.__file__).with_name(f"{PROGRAMS[options.format]}.py"), folder / "translate.py")
        about = describe(options, config, limits, model)
        about["model_sha256"] = hashlib.sha256(run_folder.model.read_bytes()).hexdigest()
        (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"{options.output}\nTranslate with it: python {options.output / 'translate.py'} < lines.txt")


def check_flags(options: Export) -> None:
    """Raises a UsageError for a flag that has no meaning for this format."""
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    for name in {flag for flags in FLAGS.values() for flag in flags} - {*FLAGS[options.format]}:
        if getattr(options, name) != defaults[name]:
            formats = " and ".join(one for one, flags in FLAGS.items() if name in flags)
            raise UsageError(
                f"--{name.replace('_', '-')} is for --format {formats}, not for {options.format}"
                + ("; what is exported is told when it translates." if name in SEARCH else ".")
            )


def check_place(output: Path) -> None:
    """Raises a UsageError unless `output` is free, empty or an earlier export."""
    taken = output.is_file() or (output.is_dir() and any(output.iterdir()) and not (output / ABOUT).is_file())
    if taken:
        raise UsageError(f"{output} holds something else than an export. Choose another --output.")


@contextlib.contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A folder beside `output` to write into, which takes its place when the block has ended.

    Raises:
        Failure: it could not be written; `output` is as it was before.
    """
    output = output.resolve()
    beside, replaced = (output.with_name(f"{output.name}.{kind}-{os.getpid()}") for kind in ("tmp", "old"))
    try:
        beside.mkdir(parents=True)
        yield beside
        for path in (*beside.rglob("*"), beside):
            sync(path)
        if output.exists():
            os.rename(output, replaced)
        os.rename(beside, output)
    except (OSError, tf.errors.OpError) as error:
        if replaced.exists():
            os.rename(replaced, output)
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise Failure(f"{output} could not be written: {reason}. Nothing was changed there.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def describe(options: Export, config: Config, limits: Limits, model: Transformer) -> dict[str, Any]:
    """What an export holds, for its export.json."""
    inside = dataclasses.asdict(limits) | {"beam_size": options.beam_size, "length_penalty": options.length_penalty}
    return {
        "format": options.format,
        "source_language": config.source_language,
        "target_language": config.target_language,
        "tokenizer": config.tokenizer,
        "max_tokens": config.max_tokens,
        **(inside if options.format == "savedmodel" else {}),
        **({"quantization": options.quantization or "float32"} if options.format == "ctranslate2" else {}),
        **({} if options.format == "ctranslate2" else {"precision": model.dtype_policy.name}),
        "parameters": model.count_params(),
        "versions": versions(),
    }
