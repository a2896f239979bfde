"""A PyTorch model that trains in a process of its own, one turn at a time. The other end: torch_transformer.py."""

import pickle
import subprocess
import sys
from pathlib import Path

from side_by_side import Measurement, cores

from transformer_tutorial.config import Config
from transformer_tutorial.runtime.errors import Failure

PROGRAM = Path(__file__).with_name("torch_transformer.py")


class TorchWorker:
    """Starts the process; a context, because the process has to end.

    Args:
        config: shape and training; precision mixed_bfloat16 is PyTorch's autocast to bfloat16.
        input_vocab_size: number of source tokens.
        target_vocab_size: number of target tokens.
    """

    def __init__(self, config: Config, input_vocab_size: int, target_vocab_size: int):
        names = ("num_layers", "d_model", "num_heads", "dff", "dropout_rate", "warmup_steps", "beta_2", "seed")
        settings = {name: getattr(config, name) for name in names}
        settings |= {"input_vocab_size": input_vocab_size, "target_vocab_size": target_vocab_size}
        settings |= {"bfloat16": config.precision == "mixed_bfloat16", "threads": cores()}
        self.process = subprocess.Popen([sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._send(settings)

    def train(self, batches: list[tuple]) -> Measurement:
        """Trains on ((source, target input), labels); the amount is in real target tokens.

        Raises:
            Failure: the process has ended.
        """
        self._send(batches)
        try:
            return Measurement(*pickle.load(self.process.stdout))
        except EOFError:
            raise self._ended() from None

    def _send(self, message) -> None:
        try:
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _ended(self) -> Failure:
        return Failure(
            f"The PyTorch process ended with exit code {self.process.wait()}; its own message is above. "
            "Leave it out with --sides tutorial ours keras-hub."
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
