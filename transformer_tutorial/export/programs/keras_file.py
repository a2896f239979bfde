"""Translates stdin with the model.keras in this folder, a line for a line. Needs the package transformer_tutorial.

python translate.py < portuguese.txt > english.txt
"""

import sys
from pathlib import Path

from transformer_tutorial.config import read_config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.decoding.translator import Translator
from transformer_tutorial.model_file import read_model

folder = Path(__file__).resolve().parent
model = read_model(folder / "model.keras")
tokenizers = TokenizerPair.load(folder / "tokenizers")
translator = Translator(tokenizers, model, read_config(folder).max_tokens)
lines = (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)
for batch in translator.stream(lines):
    for best, *_ in batch:
        print(best.text, flush=True)
