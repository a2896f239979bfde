"""The tables that the diagrams of the LSTM block are made of."""

import pytest

from lstm_lab.config import VARIANTS
from lstm_lab.figures.block import BACKWARD, FORWARD, SIZES, equations, events, remarks, wires_of
from lstm_lab.figures.circuit import CIRCUIT
from lstm_lab.figures.odyssey import ODYSSEY

EVERY_WIRE = frozenset().union(*(wires_of(variant) for variant in VARIANTS))
LAYOUTS = {"circuit": CIRCUIT, "odyssey": ODYSSEY}


@pytest.mark.parametrize(("name", "without"), [("circuit", set()), ("odyssey", {"x", "y-", "c-", "s-", "c"})])
def test_a_layout_places_every_wire_once(name, without):
    names = [wire.name for wire in LAYOUTS[name].wires]
    assert len(names) == len(set(names))
    assert set(names) == EVERY_WIRE - without


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_node_needs_wires_that_exist_and_has_a_known_shape(layout):
    assert len({node.name for node in layout.nodes}) == len(layout.nodes)
    for node in layout.nodes:
        assert node.needs
        assert set(node.needs) <= EVERY_WIRE
        assert node.shape in SIZES


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_wire_that_points_at_something_ends_there(layout):
    """A tip lies on the edge of a node, on another wire, or at the edge of the diagram."""
    segments = [(wire.name, *pair) for wire in layout.wires for pair in zip(wire.path, wire.path[1:], strict=False)]
    for wire in (wire for wire in layout.wires if wire.arrow):
        x, y = wire.path[-1]
        touches_node = any(
            abs(abs(x - node.at[0]) - SIZES[node.shape][0] / 2) < 0.2
            and abs(y - node.at[1]) <= SIZES[node.shape][1] / 2
            or abs(abs(y - node.at[1]) - SIZES[node.shape][1] / 2) < 0.2
            and abs(x - node.at[0]) <= SIZES[node.shape][0] / 2
            for node in layout.nodes
            if node.shape != "text"
        )
        leaves = wire.name.endswith("+") or wire.name == "out"
        assert touches_node or leaves, wire.name
    assert segments


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_wire_of_a_variant_gets_its_value_and_its_delta_from_some_equation(variant):
    wires = wires_of(variant)
    computed = set(range(1, 24))
    for order in (FORWARD, BACKWARD):
        reached = {wire for event in events(order, wires, computed) for wire in event.wires}
        assert reached == wires


def test_an_event_without_computed_equations_does_not_happen():
    assert [event.equations for event in events(BACKWARD, {"o"}, {8, 13})] == [(8,), (13,)]
    assert [event.wires for event in events(BACKWARD, {"o"}, {8, 13})] == [("o",), ()]


def test_the_equations_are_those_printed_in_the_cell():
    printed = equations()
    assert list(printed) == list(range(1, 24))
    assert printed[8] == "δo = δy ⊙ h(c) ⊙ σ'(aₒ)"
    assert printed[20] == "δp = Σ δi ⊙ c₋, Σ δf ⊙ c₋, Σ δo ⊙ c"


def test_every_equation_belongs_to_one_pass():
    forward, backward = ({number for event in order for number in event.equations} for order in (FORWARD, BACKWARD))
    assert forward | backward == set(equations())
    assert not forward & backward


def test_what_a_variant_changes_is_remarked_and_the_vanilla_lstm_needs_no_remark():
    assert remarks("V") == {}
    assert set(remarks("FGR")) == {8, 10, 11}
    assert remarks("NIG") == {3: "no such gate: i = 1"}
    assert remarks("CIFG") == {4: "coupled: f = 1 - i", 11: "coupled: z - c₋ for z"}
    assert set(remarks("NOAF")) == {7, 9}
    assert set(remarks("NP")) == {3, 4, 6, 9, 16}
