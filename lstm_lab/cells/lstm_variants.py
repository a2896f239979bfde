"""What each LSTM variant changes, and which errors flow back: two tables that lstm.py reads.

Every variant changes exactly one thing in the vanilla LSTM V, so that it is one row here and no code of its own.

Source: Greff et al. 2017, section III-B; for the error flows the papers named beside them.
Next: lstm.py
"""

from typing import NamedTuple

from lstm_lab.cells.activation import LINEAR, TANH, Activation


class Variant(NamedTuple):
    """What a variant changes in the vanilla LSTM.

    Attributes:
        blocks: the blocks with weights of their own, in the order in which W, R and b hold them.
        peepholes: whether the gates see the cell.
        input_activation: g.
        output_activation: h.
        coupled: whether the forget gate is 1 - i.
        gate_recurrence: whether the gates see the gates of the step before.
        po_prev: whether the output gate sees the previous cell instead of the new one; no variant, but an option of
            all that have the peephole.
    """

    blocks: str = "ifzo"
    peepholes: bool = True
    input_activation: Activation = TANH
    output_activation: Activation = TANH
    coupled: bool = False
    gate_recurrence: bool = False
    po_prev: bool = False

    @property
    def gates(self) -> str:
        """The gates with weights of their own, in the order of the rows of p."""
        return self.blocks.replace("z", "")

    @property
    def output_peephole(self) -> bool:
        """Whether there is an output gate that sees the cell."""
        return self.peepholes and "o" in self.blocks


VARIANTS = {
    "V": Variant(),
    "NIG": Variant(blocks="fzo"),
    "NFG": Variant(blocks="izo"),
    "NOG": Variant(blocks="ifz"),
    "NIAF": Variant(input_activation=LINEAR),
    "NOAF": Variant(output_activation=LINEAR),
    "NP": Variant(peepholes=False),
    "CIFG": Variant(blocks="izo", coupled=True),
    "FGR": Variant(gate_recurrence=True),
}


class ErrorFlow(NamedTuple):
    """Which edges an error flows back through. A cut edge is used forwards, and its own weights are still trained.

    Attributes:
        peepholes: from the gates to the cell.
        recurrence: from the four blocks to the previous output and the previous gates.
    """

    peepholes: bool
    recurrence: bool


ERROR_FLOWS = {
    "full": ErrorFlow(peepholes=True, recurrence=True),  # Graves & Schmidhuber 2005 and everybody since
    "no_peephole_error": ErrorFlow(peepholes=False, recurrence=True),  # for study
    "truncated": ErrorFlow(peepholes=False, recurrence=False),  # Hochreiter & Schmidhuber 1997, Gers et al. 2002
}
