"""Each file says which to read next, and whoever follows comes through all of the path."""

import re
from pathlib import Path

import lstm_lab

PACKAGE = Path(lstm_lab.__file__).parent
NEXT = re.compile(r"^Next: (\S+\.py)", re.MULTILINE)
PATH = [
    "cells/dense.py", "cells/simple_rnn.py", "cells/lstm.py", "sequence.py", "oracle.py", "problems.py", "gradcheck.py",
    "jacobians.py", "flow.py", "clipping.py", "cliff.py", "fast/fused_cells.py", "fast/fused_sequence.py",
    "step_layers.py", "layers.py",
]  # fmt: skip


def next_of(path: Path) -> Path | None:
    """The file that a file names as the next one."""
    found = NEXT.search(path.read_text("utf-8"))
    return (path.parent / found[1]).resolve() if found else None


def test_the_next_file_exists():
    named = {path: next_of(path) for path in PACKAGE.rglob("*.py")}
    assert [path for path, following in named.items() if following and not following.is_file()] == []
    assert any(named.values())


def test_following_the_next_lines_leads_from_the_warm_up_through_the_fast_twin_to_the_layers():
    path, seen = PACKAGE / PATH[0], []
    while path:
        seen.append(path.relative_to(PACKAGE).as_posix())
        path = next_of(path)
    assert seen == PATH


def test_the_packages_map_names_every_file_of_the_path_or_its_folder():
    assert [name for name in PATH if name.split("/")[-1] not in lstm_lab.__doc__ and "fast/" not in name] == []
    assert "fast/ " in lstm_lab.__doc__
