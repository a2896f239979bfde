"""From the tutorial's recipe to ours, one change at a time: what each is worth in BLEU.

    python scripts/ablation.py --data ../shared/data/ted_hrlr_pt_en --output-dir runs/ablation --epochs 5

Each row is a run of its own that begins with the row before and changes one thing; all see every sentence pair equally
often. Rows that are done are not run again, and one that was killed is resumed. The last row is the one before,
translated with beam search. Prints a Markdown table.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

TUTORIAL = ["--preset", "tutorial", "--tokens-per-batch", "2048"]
LOSSLESS = ["--tokenizer", "sentencepiece", "--no-lower-case", "--vocab-size", "6000", "--joint-vocab"]
REGULAR = ["--norm", "pre", "--dropout-rate", "0.2", "--residual-dropout", "0.2", "--attention-dropout", "0.1"]
REGULAR += ["--label-smoothing", "0.1", "--clip-norm", "1"]
REGULAR += ["--schedule", "linear", "--peak-rate", "2e-3", "--warmup-steps", "1000"]
TYING = ["--tied-embeddings", "all"]
AVERAGING = ["--average-last", "3"]

ROWS = {
    "tutorial": TUTORIAL,
    "lossless tokens": [*TUTORIAL, *LOSSLESS],
    "regularisation": [*TUTORIAL, *LOSSLESS, *REGULAR],
    "tying": [*TUTORIAL, *LOSSLESS, *REGULAR, *TYING],
    "averaging": [*TUTORIAL, *LOSSLESS, *REGULAR, *TYING, *AVERAGING],
}


def run(*arguments: str) -> str:
    """Runs the command line of the package; returns what it printed."""
    command = [sys.executable, "-m", "transformer_tutorial", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(run_dir: Path, beam_size: int) -> float:
    """bleu_tok on the validation split."""
    return json.loads(run("evaluate", "--run-dir", str(run_dir), "--beam-size", str(beam_size), "--json"))["bleu_tok"]


def train(name: str, flags: list[str], options: argparse.Namespace) -> Path:
    """Trains one row, or goes on with it; returns its run folder."""
    run_dir = options.output_dir / name.replace(" ", "_")
    common = ["--data", options.data, "--epochs", str(options.epochs), "--seed", str(options.seed)]
    run("train", *flags, *common, *options.more, "--run-dir", str(run_dir))
    return run_dir


def main() -> None:
    """Trains the rows in order and prints the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="phrasebook", help="corpus, as for train (default: %(default)s)")
    parser.add_argument("--output-dir", type=Path, default=Path("runs/ablation"), help="run folders (%(default)s)")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the data of each row (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of every row (%(default)s)")
    parser.add_argument("--beam-size", type=int, default=4, help="of the last row (%(default)s)")
    parser.add_argument("more", nargs="*", help="flags of train for every row, after --")
    options = parser.parse_args()
    print("| recipe | bleu_tok, dev | gain |\n|---|---|---|", flush=True)
    before = None
    for name, flags in ROWS.items():
        run_dir = train(name, flags, options)
        before = print_row(name if before is None else f"+ {name}", measure(run_dir, 1), before)
    print_row(f"+ beam {options.beam_size}", measure(run_dir, options.beam_size), before)


def print_row(name: str, bleu: float, before: float | None) -> float:
    """One line of the table; returns the BLEU for the next one to compare with."""
    gain = "" if before is None else f"{bleu - before:+.2f}"
    print(f"| {name} | {bleu:.2f} | {gain} |", flush=True)
    return bleu


if __name__ == "__main__":
    main()
