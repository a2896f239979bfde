"""Translates stdin with the CTranslate2 model in this folder, a line for a line.

Needs ctranslate2, and for the tokenizers sentencepiece; for word pieces the package transformer_tutorial instead.

python translate.py < portuguese.txt > english.txt
python translate.py --compute-type int8 --beam-size 4 < portuguese.txt > english.txt
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

import ctranslate2

LINES_AT_ONCE = 1024
BYTES_PER_TOKEN = 256  # as in the package's translate

parser = argparse.ArgumentParser()
parser.add_argument("--compute-type", default="default", help="float32, int8, int8_float32, bfloat16, ...")
parser.add_argument("--device", default="cpu", help="cpu or cuda")
parser.add_argument("--beam-size", type=int, default=1)
parser.add_argument("--length-penalty", type=float, default=1.0)
options = parser.parse_args()

folder = Path(__file__).resolve().parent
about = json.loads((folder / "export.json").read_text("utf-8"))

if about["tokenizer"] == "sentencepiece":
    import sentencepiece

    source, target = (
        sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizers" / f"{about[side]}.model"))
        for side in ("source_language", "target_language")
    )

    def split(line):
        return source.encode(f" {line}", out_type=str)

    join = target.decode
else:
    import tensorflow as tf

    from transformer_tutorial.data.tokenizer_pair import TokenizerPair

    pair = TokenizerPair.load(folder / "tokenizers")
    ids_of = {piece: number for number, piece in enumerate(pair.target.vocabulary)}

    def split(line):
        return [pair.source.vocabulary[number] for number in pair.source.tokenize([line])[0, 1:-1]]

    def join(pieces):
        return pair.target.detokenize(tf.constant([[ids_of[piece] for piece in pieces]], tf.int64))[0].numpy().decode()


def read_lines():
    """The lines of stdin; of one that is longer than any sentence only the beginning."""
    most_bytes = BYTES_PER_TOKEN * about["max_tokens"]
    while line := sys.stdin.buffer.readline(most_bytes):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = sys.stdin.buffer.readline(most_bytes)
        yield line.decode("utf-8", "replace").rstrip("\r\n")


engine = ctranslate2.Translator(str(folder), device=options.device, compute_type=options.compute_type)
lines = read_lines()
while some := list(itertools.islice(lines, LINES_AT_ONCE)):
    found = engine.translate_batch(
        [split(line)[: about["max_tokens"] - 2] for line in some],  # the engine adds [START] and [END]
        max_batch_size=64,
        beam_size=options.beam_size,
        length_penalty=options.length_penalty,
        max_decoding_length=about["max_tokens"],
        min_decoding_length=0,
        max_input_length=0,
    )
    for line, one in zip(some, found, strict=True):
        text = join(one.hypotheses[0]).replace("\n", " ").strip() if line.strip() else ""
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()
