"""What each part of a recipe is worth in BLEU.

    python scripts/ablation.py --data ../shared/data/ted_hrlr_pt_en --epochs 4
    python scripts/ablation.py --data ../shared/data/ted_hrlr_pt_en --epochs 4 --table options

The table `steps` goes from the tutorial's recipe to ours: each row is a run that begins with the row before and changes
one thing, and the last is the one before, translated with beam search. An average of the weights takes no part in the
training, so that "tying" and "averaging" are one run, translated with the weights of the last step and with the
average. The table `options` changes one thing of the row "tying" at a time. All runs see every sentence pair equally
often. Runs that are done are not repeated, and one that was killed is resumed. Prints a Markdown table.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from transformer_tutorial.config import read_config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.training import build_trainer
from transformer_tutorial.runtime.checkpoints import load_newest
from transformer_tutorial.runtime.model_arrays import restore_arrays

TUTORIAL = ["--preset", "tutorial"]
LOSSLESS = [*TUTORIAL, "--tokenizer", "sentencepiece", "--no-lower-case", "--vocab-size", "6000", "--joint-vocab"]
REGULAR = [*LOSSLESS, "--norm", "pre", "--residual-dropout", "0.1", "--label-smoothing", "0.1", "--clip-norm", "1"]
REGULAR += ["--schedule", "linear", "--peak-rate", "2e-3", "--warmup-steps", "1000"]
TYING = [*REGULAR, "--tied-embeddings", "all"]

STEPS = {
    "tutorial": TUTORIAL,
    "lossless tokens": LOSSLESS,
    "regularisation": REGULAR,
    "averaging": [*TYING, "--ema", "0.999"],
}
OPTIONS = {
    "subword sampling": [*TYING, "--subword-sampling", "0.5"],
    "bpe": [*TYING, "--sentencepiece-model", "bpe"],
    "separate vocabularies": [*TYING, "--no-joint-vocab", "--tied-embeddings", "output"],
    "weight decay": [*TYING, "--weight-decay", "0.05"],
    "activation dropout": [*TYING, "--activation-dropout", "0.1"],
    "cosine": [*TYING, "--schedule", "cosine"],
    "inverse square root": [*TYING, "--schedule", "inverse_sqrt"],
    "mean of the last 2 epochs": [*TYING, "--average-last", "2"],
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


def with_last_weights(run_dir: Path) -> Path:
    """A run folder beside with the weights of the last step, for one whose stored model is an average."""
    copy = run_dir.with_name(f"{run_dir.name}_last_weights")
    left_out = shutil.ignore_patterns("checkpoints", "evaluation-*", "model.keras", "recent", "tensorboard")
    shutil.copytree(run_dir, copy, ignore=left_out, dirs_exist_ok=True)
    tokenizers = TokenizerPair.load(run_dir / "tokenizers")
    trainer = build_trainer(read_config(run_dir), SimpleNamespace(tokenizers=tokenizers))
    checkpoint = load_newest(run_dir / "checkpoints")
    restore_arrays(trainer, checkpoint.arrays, checkpoint.folder)
    RunFolder(copy).save_model(trainer.model)
    return copy


def main() -> None:
    """Trains the runs of a table in order and prints each row when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=("steps", "options"), default="steps", help="which one (%(default)s)")
    parser.add_argument("--data", default="phrasebook", help="corpus, as for train (default: %(default)s)")
    parser.add_argument("--output-dir", type=Path, default=Path("runs/ablation"), help="run folders (%(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="passes over the data of each run (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of every run (%(default)s)")
    parser.add_argument("--beam-size", type=int, default=4, help="of the last step (%(default)s)")
    parser.add_argument("more", nargs="*", help="flags of train for every run, after --")
    options = parser.parse_args()
    print("| recipe | bleu_tok, dev | gain |\n|---|---|---|", flush=True)
    (print_steps if options.table == "steps" else print_options)(options)


def print_steps(options: argparse.Namespace) -> None:
    """Each row against the row before."""
    before = None
    for name, flags in STEPS.items():
        run_dir = train(name, flags, options)
        if name == "averaging":
            before = print_row("+ tying", measure(with_last_weights(run_dir), 1), before)
        before = print_row(name if before is None else f"+ {name}", measure(run_dir, 1), before)
    print_row(f"+ beam {options.beam_size}", measure(run_dir, options.beam_size), before)


def print_options(options: argparse.Namespace) -> None:
    """Each row against the step "tying"."""
    tying = print_row("tying", measure(train("tying", TYING, options), 1), None)
    for name, flags in OPTIONS.items():
        print_row(name, measure(train(name, flags, options), 1), tying)


def print_row(name: str, bleu: float, before: float | None) -> float:
    """One line of the table; returns the BLEU for the next one to compare with."""
    gain = "" if before is None else f"{bleu - before:+.2f}"
    print(f"| {name} | {bleu:.2f} | {gain} |", flush=True)
    return bleu


if __name__ == "__main__":
    main()
