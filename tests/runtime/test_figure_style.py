import matplotlib
import pytest
from matplotlib.figure import Figure

from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.figure_style import COLOURS, DOTS_PER_INCH, drawing_style, new_figure, save_figure

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@drawing_style()
def picture(height: float = 1.0) -> Figure:
    figure = new_figure(2, 1.5)
    figure.subplots().plot([0, 1, 2], [0, height, 0], "o-", label="ção")
    figure.axes[0].fill_between([0, 1], [1, 1], hatch="/")
    figure.axes[0].legend()
    return figure


@pytest.mark.parametrize("ending", SIGNATURES)
def test_the_ending_chooses_the_format(tmp_path, ending):
    path = save_figure(picture(), tmp_path / f"curve.{ending}")
    assert path == tmp_path / f"curve.{ending}"
    assert path.read_bytes().startswith(SIGNATURES[ending])


def test_an_ending_in_capitals_is_the_same_format(tmp_path):
    assert save_figure(picture(), tmp_path / "curve.PNG").read_bytes().startswith(SIGNATURES["png"])


@pytest.mark.parametrize("ending", SIGNATURES)
def test_the_same_picture_is_the_same_bytes(tmp_path, monkeypatch, ending):
    first = save_figure(picture(), tmp_path / f"first.{ending}").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")  # what matplotlib would take for the time of writing
    second = save_figure(picture(), tmp_path / f"second.{ending}").read_bytes()
    other = save_figure(picture(height=2.0), tmp_path / f"other.{ending}").read_bytes()
    assert first == second
    assert first != other


@pytest.mark.parametrize("name", ["curve.jpg", "curve", "curve.png.txt"])
def test_an_unknown_ending_is_refused_with_the_ones_that_work(tmp_path, name):
    with pytest.raises(UsageError, match=r"must end in one of \.png, \.svg, \.pdf, got '.*curve"):
        save_figure(picture(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path):
    assert save_figure(picture(), str(tmp_path / "run" / "figures" / "curve.png")).is_file()


def test_an_earlier_file_survives_a_picture_that_cannot_be_drawn(tmp_path):
    path = tmp_path / "curve.png"
    path.write_bytes(b"earlier")
    broken = picture()
    broken.axes[0].set_title("$\\notacommand$")
    with pytest.raises(ValueError, match="notacommand"):
        save_figure(broken, path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_goes_beside_the_file_until_it_is_complete(tmp_path, monkeypatch):
    path = tmp_path / "curve.png"
    path.write_bytes(b"earlier")
    seen = {}

    def half(self, target, **kwargs):
        seen.update(folder=target.parent, before=path.read_bytes())
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(Failure, match=r"cannot be written to .*curve\.png: No space left on device"):
        save_figure(picture(), path)
    assert seen == {"folder": tmp_path, "before": b"earlier"}
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_the_file_is_a_failure(tmp_path):
    (tmp_path / "curve.png").mkdir()
    with pytest.raises(Failure, match=r"cannot be written to .*curve\.png"):
        save_figure(picture(), tmp_path / "curve.png")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


def test_a_figure_of_one_inch_has_a_hundred_and_fifty_dots(tmp_path):
    figure = new_figure(4, 3, layout=None)
    figure.add_axes((0, 0, 1, 1)).set_axis_off()
    path = save_figure(figure, tmp_path / "blank.png")
    assert DOTS_PER_INCH == 150
    # The edge is trimmed to what is drawn, and a tenth of an inch stays on each side.
    height, width, _ = matplotlib.image.imread(path).shape
    assert (width, height) == pytest.approx((4.2 * 150, 3.2 * 150), abs=2)


def settings():
    # The backend is left out: reading it makes matplotlib look for a display.
    return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}


def test_the_style_holds_inside_and_leaves_nothing_behind():
    before = settings()
    with drawing_style():
        assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLOURS)
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]
    assert settings() == before
    figure = picture()
    assert settings() == before
    assert figure.axes[0].lines[0].get_color() == COLOURS[0]
    assert figure.get_size_inches().tolist() == [2, 1.5]


def test_the_style_of_a_figure_does_not_depend_on_the_settings_at_saving(tmp_path):
    plain = save_figure(picture(), tmp_path / "plain.png").read_bytes()
    with matplotlib.rc_context({"xtick.labelsize": 20, "font.family": "monospace", "font.size": 30}):
        assert save_figure(picture(), tmp_path / "other.png").read_bytes() == plain
