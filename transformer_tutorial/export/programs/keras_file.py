"""Translates stdin with the model.keras in this folder, a line for a line. Needs the package transformer_tutorial.

python translate.py < portuguese.txt > english.txt
python translate.py --beam-size 4 --n-best 3 < portuguese.txt > english.txt
python translate.py --help
"""

import sys
from pathlib import Path

from transformer_tutorial.cli import main

sys.exit(main(["translate", "--run-dir", str(Path(__file__).resolve().parent), *sys.argv[1:]]))
