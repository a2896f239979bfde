"""`translate`: sentences from the command line or from stdin; stdout holds translations and nothing else."""

import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from transformer_tutorial.attention_figures import plot_attention_heads, plot_attention_overview
from transformer_tutorial.cli import Translate
from transformer_tutorial.config import read_config
from transformer_tutorial.decoding.loop import Search
from transformer_tutorial.decoding.sampling import SamplingSearch
from transformer_tutorial.decoding.translator import Alignment, TranslatedText, Translator, beam_search_or_greedy
from transformer_tutorial.export.limits import BYTES_PER_TOKEN
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import save_figure

CHUNK_BYTES = 1 << 16
BATCHES_AHEAD = 16  # are read before the first is translated, so that sentences of similar length can share one


def run(options: Translate) -> None:
    """Translates what was asked for, and writes each part as soon as it is translated."""
    if options.attention and not options.text:
        raise UsageError("--attention draws sentences given as arguments, none came: translate --attention a.png TEXT")
    if options.text and options.max_bytes is not None:
        raise UsageError(
            "--max-bytes is for lines from standard input; a sentence given as an argument is taken whole."
        )
    if options.max_bytes is not None and options.max_bytes < 16:
        raise UsageError(f"--max-bytes must be at least 16, got {options.max_bytes}.")
    if options.batch_size < 1:
        raise UsageError(f"--batch-size must be at least 1, got {options.batch_size}.")
    search = chosen_search(options)
    config = read_config(options.run_dir)
    model, tokenizers = RunFolder(options.run_dir).load_model()
    translator = Translator(tokenizers, model, config.max_tokens, jit_compile=options.jit_compile)
    lines = StdinLines(options.max_bytes or BYTES_PER_TOKEN * config.max_tokens)
    texts, paused = (options.text, bool) if options.text else (lines, lines.paused)
    write(translator.stream(texts, search, options.batch_size, BATCHES_AHEAD, paused), options.n_best)
    if lines.cut:
        print(f"{lines.cut} lines were cut to {lines.max_bytes} bytes.", file=sys.stderr)
    if translator.truncated:
        print(f"{translator.truncated} sentences were cut to {config.max_tokens} tokens.", file=sys.stderr)
    for number, text in enumerate(options.text if options.attention else ()):
        save_attention(translator, text, search, options.layer, numbered(options.attention, number))


def chosen_search(options: Translate) -> Search:
    """Greedy search, beam search or sampling.

    Raises:
        UsageError: flags that do not go together, or a value out of its range.
    """
    if options.n_best is not None and options.n_best < 1:
        raise UsageError(f"--n-best must be at least 1, got {options.n_best}.")
    if (options.temperature, options.top_k, options.top_p) == (None, None, None):
        if options.n_best is not None and options.n_best > options.beam_size:
            raise UsageError(
                f"--n-best {options.n_best} needs as many beams, got {options.beam_size}: --beam-size {options.n_best} "
                "or more, or sampling with --temperature."
            )
        return beam_search_or_greedy(options.beam_size, options.length_penalty)
    if options.beam_size != 1:
        raise UsageError(
            f"--beam-size {options.beam_size} is for searching; --temperature, --top-k and --top-p are for sampling: "
            "leave out one or the other."
        )
    temperature = 1.0 if options.temperature is None else options.temperature
    return SamplingSearch(temperature, options.top_k, options.top_p, options.seed, options.n_best or 1)


def write(batches: Iterator[list[list[TranslatedText]]], n_best: int | None) -> None:
    """Prints translations, with a progress bar on stderr where no translation passes by on the same terminal."""
    hidden = not sys.stderr.isatty() or sys.stdout.isatty()
    with tqdm(unit=" lines", file=sys.stderr, disable=hidden) as bar:
        done = 0
        for batch in batches:
            for number, found in enumerate(batch, start=done + 1):
                print(*as_lines(number, found, n_best), sep="\n")
            sys.stdout.flush()
            done += len(batch)
            bar.update(len(batch))


def as_lines(number: int, found: list[TranslatedText], n_best: int | None) -> list[str]:
    """The best translation; or the `n_best` best, each after the number of its sentence and its score."""
    if n_best is None:
        return [found[0].text]
    return [f"{number}\t{one.score:.4f}\t{one.text}" for one in found[:n_best]]


class StdinLines:
    """The lines of stdin without their ends; bytes that are not UTF-8 become the replacement character.

    Args:
        max_bytes: no more of a line is given on; what follows is skipped.

    Attributes:
        cut: number of lines that were longer.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes, self.cut = max_bytes, 0
        self._line_is_here = False

    def __iter__(self) -> Iterator[str]:
        line, length = b"", 0  # of the line whose end has not come yet
        while data := sys.stdin.buffer.read1(CHUNK_BYTES):  # what is there, so that no line waits for the next
            *ended, begun = data.split(b"\n")
            for number, piece in enumerate(ended, start=1):
                self._line_is_here = number < len(ended)
                yield self._decoded(line + piece[: self.max_bytes + 1], length + len(piece))
                line, length = b"", 0
            line, length = (line + begun)[: self.max_bytes + 1], length + len(begun)
        if length:
            yield self._decoded(line, length)

    def paused(self) -> bool:
        """Whether the next line has not been written yet by the one who types it, or the program before the pipe."""
        return not self._line_is_here and not _has_input(sys.stdin.buffer)

    def _decoded(self, line: bytes, length: int) -> str:
        line = line[: self.max_bytes + 1].rstrip(b"\r")
        self.cut += max(len(line), length - 1) > self.max_bytes
        return line[: self.max_bytes].decode("utf-8", "replace")


def _has_input(stream: BinaryIO) -> bool:
    """Whether a read would not wait; also at the end, and where that cannot be asked."""
    try:
        return bool(select.select([stream], [], [], 0)[0])
    except (OSError, ValueError, TypeError):  # no descriptor, or on Windows one that is no socket
        return True


def numbered(path: Path, number: int) -> Path:
    """picture.png for the first sentence, picture-2.png for the second, and so on."""
    return path if number == 0 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def save_attention(translator: Translator, text: str, search: Search, layer: int | None, file: Path) -> None:
    """Draws the cross-attention of one sentence into `file`."""
    alignment = translator.align(text, search=search)
    print(f"Attention: {save_figure(attention_figure(alignment, layer), file)}", file=sys.stderr)


def attention_figure(alignment: Alignment, layer: int | None):
    """The cross-attention of one translation: the heads of one layer, counted from 1, or of all layers (None)."""
    maps, tokens = alignment.maps.cross[:, 0], (alignment.source_tokens, alignment.target_tokens)
    if layer is None:
        return plot_attention_overview(maps, *tokens)
    if not 1 <= layer <= len(maps):
        raise UsageError(f"--layer must be between 1 and {len(maps)}, the model's layers, got {layer}.")
    return plot_attention_heads(maps[layer - 1], *tokens, title=f"Cross-attention, layer {layer}")
