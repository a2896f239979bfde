"""`translate`: sentences from the command line or from stdin; stdout holds translations and nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path

from transformer_tutorial.attention_figures import plot_attention_heads, plot_attention_overview
from transformer_tutorial.cli import Translate
from transformer_tutorial.config import read_config
from transformer_tutorial.decoding.translator import Alignment, Translator
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import save_figure


def run(options: Translate) -> None:
    """One line out for one sentence in, a blank line for a blank one."""
    if options.attention and not options.text:
        raise UsageError("--attention draws sentences given as arguments, none came: translate --attention a.png TEXT")
    config = read_config(options.run_dir)
    model, tokenizers = RunFolder(options.run_dir).load_model()
    translator = Translator(tokenizers, model, config.max_tokens)
    texts = iter(options.text) if options.text else stdin_lines()
    for batch in translator.translate_in_batches(texts, options.beam_size, options.length_penalty):
        print(*batch, sep="\n", flush=True)
    if translator.truncated:
        print(f"{translator.truncated} sentences were cut to {config.max_tokens} tokens.", file=sys.stderr)
    for number, text in enumerate(options.text if options.attention else ()):
        save_attention(translator, text, options, numbered(options.attention, number))


def stdin_lines() -> Iterator[str]:
    """The lines of stdin without their ends; bytes that are not UTF-8 become the replacement character."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def numbered(path: Path, number: int) -> Path:
    """picture.png for the first sentence, picture-2.png for the second, and so on."""
    return path if number == 0 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def save_attention(translator: Translator, text: str, options: Translate, file: Path) -> None:
    """Draws the cross-attention of one sentence into `file`."""
    alignment = translator.align(text, options.beam_size, options.length_penalty)
    print(f"Attention: {save_figure(attention_figure(alignment, options.layer), file)}", file=sys.stderr)


def attention_figure(alignment: Alignment, layer: int | None):
    """The cross-attention of one translation: the heads of one layer, counted from 1, or of all layers (None)."""
    maps, tokens = alignment.maps.cross[:, 0], (alignment.source_tokens, alignment.target_tokens)
    if layer is None:
        return plot_attention_overview(maps, *tokens)
    if not 1 <= layer <= len(maps):
        raise UsageError(f"--layer must be between 1 and {len(maps)}, the model's layers, got {layer}.")
    return plot_attention_heads(maps[layer - 1], *tokens, title=f"Cross-attention, layer {layer}")
