"""The command line of the lab: which command is served by which module."""

from collections.abc import Sequence

from lstm_lab.config import ClipOptions, FlowOptions, GradcheckOptions, PlotOptions
from lstm_lab.train_options import TrainOptions
from transformer_tutorial.runtime import command_line

COMMANDS = {
    "gradcheck": command_line.Command(GradcheckOptions, "lstm_lab.gradcheck"),
    "flow": command_line.Command(FlowOptions, "lstm_lab.flow"),
    "clip": command_line.Command(ClipOptions, "lstm_lab.cliff"),
    "train": command_line.Command(TrainOptions, "lstm_lab.training"),
    "plot": command_line.Command(PlotOptions, "lstm_lab.plot"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m lstm_lab` and returns its exit code."""
    return command_line.main("python -m lstm_lab", COMMANDS, arguments)
