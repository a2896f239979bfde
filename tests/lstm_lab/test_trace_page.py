"""The page on which an LSTM is stepped through: what it holds, and that it shows it without any network."""

import html.parser
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

import lstm_lab
from lstm_lab.cli import main
from lstm_lab.config import VARIANTS, GradcheckOptions
from lstm_lab.figures.block import equations, wires_of
from lstm_lab.problems import LSTMProblem
from lstm_lab.trace_page import page, trace_of, write_page
from transformer_tutorial.runtime.errors import Failure, UsageError

LENGTH, SEED = 2, 4
FOLDER = pathlib.Path(lstm_lab.__file__).parent / "page"


class Parsed(html.parser.HTMLParser):
    """Every tag with its attributes, what stands in script and style, and whether all tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.inside = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "input"):
            self.open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if self.open and self.open[-1][0] in ("script", "style"):
            tag, attributes = self.open[-1]
            key = attributes.get("id", tag)
            self.inside[key] = self.inside.get(key, "") + text


@pytest.fixture(scope="module")
def text():
    return page(list(VARIANTS), LENGTH, SEED)


@pytest.fixture(scope="module")
def parsed(text):
    return Parsed(text)


@pytest.fixture(scope="module")
def data(parsed):
    return json.loads(parsed.inside["data"])


def test_every_tag_is_closed_and_every_place_is_filled(text, parsed):
    assert parsed.open == []
    assert set(parsed.inside) == {"style", "data", "script"}
    assert not re.search(r"/\* (style|data|program) \*/", text)
    assert text.startswith("<!DOCTYPE html>")


def test_the_page_loads_nothing(text, parsed):
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|fetch\(|XMLHttpRequest|import\(", text)
    assert not [attributes for _, attributes in parsed.tags if {"src", "href"} & set(attributes)]
    (policy,) = (a["content"] for _, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")


def test_the_embedded_data_cannot_end_its_element(monkeypatch):
    monkeypatch.setitem(VARIANTS, "NP", "</script><b>")
    embedded = Parsed(page(["NP"], 1, 0)).inside["data"]
    assert json.loads(embedded)["variants"]["NP"]["title"] == "</script><b>"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_embedded_values_and_deltas_are_those_of_the_cell(data, variant):
    steps = trace_of(LSTMProblem(variant, LENGTH, np.random.default_rng(SEED)))
    assert len(data["variants"][variant]["steps"]) == len(steps) == LENGTH
    for shown, step in zip(data["variants"][variant]["steps"], steps, strict=True):
        for key in ("values", "deltas"):
            assert set(shown[key]) == wires_of(variant)
            for wire, array in getattr(step, key).items():
                np.testing.assert_allclose(shown[key][wire], array, rtol=1e-6)
        assert set(map(int, shown["results"])) == set(step.results)
        for number, found in step.results.items():
            for name, array in found.items():
                np.testing.assert_allclose(shown["results"][str(number)][name], array, rtol=1e-6)


def test_the_equations_are_those_of_the_cells_docstring(data):
    assert {int(number): text for number, text in data["equations"].items()} == equations()


def test_the_data_holds_the_chosen_variants_alone():
    embedded = json.loads(Parsed(page(["NIG"], 1, 0, "truncated")).inside["data"])
    assert list(embedded["variants"]) == ["NIG"]
    assert embedded["about"] == "gradcheck's problem of seed 0, first sequence, error flow: truncated"
    assert not np.any(embedded["variants"]["NIG"]["steps"][0]["deltas"]["c-f"])


def test_every_element_that_the_program_looks_for_is_there(parsed):
    program = (FOLDER / "page.js").read_text(encoding="utf-8")
    wanted = set(re.findall(r'find\("([\w-]+)"\)', program)) | {
        "first",
        "step-back",
        "back",
        "next",
        "step-next",
        "last",
    }
    assert wanted <= {attributes.get("id") for _, attributes in parsed.tags}


CHECKS = """
const draw = require(process.argv[1]), data = JSON.parse(require("fs").readFileSync(0, "utf-8")), report = {};
for (const [name, variant] of Object.entries(data.variants)) {
  const positions = draw.timeline(variant), seen = { forward: new Set(), backward: new Set() };
  for (const [at, position] of positions.entries())
    for (const unit of [0, variant.steps[0].values.c.length - 1]) {
      const drawn = draw.strokes(data, variant, position, unit);
      for (const layout of Object.values(data.layouts)) {
        const text = draw.diagram(data, variant, layout, position, unit);
        if (/NaN|undefined|Infinity/.test(text)) throw new Error(`${name} ${at}: ${text}`);
      }
      const list = draw.equationList(data, variant, position, unit) + draw.strip(variant, position, unit);
      if (/NaN|undefined|Infinity/.test(list)) throw new Error(`${name} ${at}: ${list}`);
      for (const number of position.event.equations)
        if (!new RegExp(`current"><div class="formula"><span class="number">\\\\(${number}\\\\)`).test(list))
          throw new Error(`equation ${number} of ${name} is not marked`);
      for (const [wire, stroke] of Object.entries(drawn))
        if (stroke.value !== undefined) {
          seen[position.pass].add(wire);
          if (stroke.casing && Math.abs(stroke.width - 10 * variant.steps[position.t].values[wire][unit]) > 1e-9)
            throw new Error(`the width of ${wire}`);
          if (!(stroke.width >= 0 && stroke.width <= 10 + 1e-9))
            throw new Error(`the width of ${wire}: ${stroke.width}`);
        }
    }
  const jumps = [draw.neighbour(positions, 0, 1), draw.neighbour(positions, 1, -1), draw.neighbour(positions, 0, -1)];
  const moments = positions.map((position, at) => draw.sameMoment(draw.timeline(data.variants.V), position));
  if (name === "V" && moments.some((moment, at) => moment !== at)) throw new Error("V is not at its own moment");
  if (name === "NIG" && draw.sameMoment(positions, draw.timeline(data.variants.V)[2]) !== 0) throw new Error("(3)");
  report[name] = { count: positions.length, jumps, order: positions.map(({ pass, t }) => `${pass[0]}${t}`),
    forward: [...seen.forward].sort(), backward: [...seen.backward].sort(), events: variant.events };
}
console.log(JSON.stringify({ report, numbers: [0, -0.5, 0.00012, 1234, -3.14159].map(draw.short) }));
"""


@pytest.fixture(scope="module")
def report(parsed):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, "-e", CHECKS, str(FOLDER / "diagram.js")]
    done = subprocess.run(command, input=parsed.inside["data"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("variant", VARIANTS)
def test_stepping_through_shows_every_value_and_every_delta(report, variant):
    found = report["report"][variant]
    assert set(found["forward"]) == set(found["backward"]) == wires_of(variant)
    forward, backward = (len(found["events"][key]) for key in ("forward", "backward"))
    assert found["count"] == LENGTH * (forward + backward)
    assert found["order"] == ["f0"] * forward + ["f1"] * forward + ["b1"] * backward + ["b0"] * backward
    assert found["jumps"] == [forward, 0, 0]


def test_numbers_are_short_and_have_a_real_minus(report):
    assert report["numbers"] == ["0", "−0.50", "1.2e−4", "1.2e+3", "−3.14"]


def test_the_programs_parse(tmp_path, parsed):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    path = tmp_path / "program.js"
    path.write_text(parsed.inside["script"], encoding="utf-8")
    assert subprocess.run([node, "--check", path], check=False).returncode == 0


def test_gradcheck_writes_the_page_of_its_own_problem(tmp_path, capsys):
    path = tmp_path / "new" / "page.html"
    flags = ["--variant", "NOG", "--lengths", "1", "2", "--seeds", "4", "--json", "--trace", str(path)]
    assert main(["gradcheck", *flags]) == 0
    assert path.read_text(encoding="utf-8") == page(["NOG"], 2, 4)
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert f"The LSTM, step by step: {path}" in captured.err
    assert [item.name for item in path.parent.iterdir()] == ["page.html"]


def test_the_page_needs_the_lstm_and_a_name_that_ends_in_html():
    with pytest.raises(UsageError, match=r"--trace writes a page, whose name must end in \.html, got 'page\.txt'"):
        GradcheckOptions(trace=pathlib.Path("page.txt"))
    with pytest.raises(UsageError, match=r"--trace shows the LSTM, got --cell rnn\. Add lstm, or leave --trace out"):
        GradcheckOptions(cell=("rnn",), trace=pathlib.Path("page.html"))


def test_a_page_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(Failure, match=r"The page cannot be written to .*page\.html"):
        write_page(tmp_path / "page.html", ["NP"], 1, 0, "full")
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]
