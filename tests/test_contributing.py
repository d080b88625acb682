"""The extension guide is a test: its examples run as printed, as plug-ins and in a copy of the sources."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import yaml
from children import bpexp

from bpexp.config.plugins import load_plugins

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"<!-- example: ([\w-]+), (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^```bash\n(python -m bpexp [^\n]+)\n```$", re.MULTILINE)
SMALL = ["data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "tracking=none", "progress=false"]
"""What makes a run of a test, where the printed command does not say it."""

FINISHES = 600
"""Seconds after which a run is given up."""

NOT_TOLD = ("PYTEST", "MLFLOW", "BPEXP_")
"""How the variables begin that a run does not see."""


class Section(NamedTuple):
    """One kind of extension: the blocks as printed, by the file that each belongs to, the command, the YAML file."""

    kind: str
    blocks: dict[str, str]
    command: list[str]
    file: str


def sections() -> dict[str, Section]:
    """The sections of the guide that print an example, by kind."""
    found = {}
    for text in GUIDE.split("\n## ")[1:]:
        blocks = EXAMPLE.findall(text)
        if blocks:
            commands = [shlex.split(command) for command in COMMAND.findall(text)]
            files = re.findall(r"`(conf/\w+/\w+\.yaml)`", text)
            assert len({kind for kind, _, _ in blocks}) == len(commands) == 1, text
            kind = blocks[0][0]
            found[kind] = Section(kind, {path: block for _, path, block in blocks}, commands[0], "".join(files))
    return found


SECTIONS = sections()
CODE = {kind: path for kind, s in SECTIONS.items() for path in s.blocks if path.startswith("bpexp/")}
"""The file that the guide adds each Python example to."""

NAMES = {kind: re.findall(r'^@[\w.]+\(\s*"(\w+)"', SECTIONS[kind].blocks[path], re.M)[0] for kind, path in CODE.items()}
"""The name that each Python example registers."""

WHOLE = {"probe": "test_insight_settings", "metric": "test_metrics"}
"""Modules whose tests speak of all probes or metrics together."""

TOGETHER = ["test_agreement", "test_analytic", "test_pairings", "test_every_file_of_a_group", "test_the_table"]
"""Tests that draw from a registry, or hold a whole registry to something, so that no name is in theirs."""

PLACES = [
    *("nn", "gradients", "insight", "config", "training", "running/test_run.py"),
    *("test_documents.py", "test_notation.py"),
]
"""Where the tests are that run over the registries."""

LEAST = {"activation": 100, "loss": 50, "optimizer": 5, "probe": 6, "gradient": 20, "data": 3, "metric": 20}
"""How many tests must have been run for an example, at least."""


def python(*args: str, cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own that finds modules in `path` and in this checkout."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_TOLD)}
    env |= {"PYTHONPATH": os.pathsep.join([str(path), str(ROOT)]), "PYTHONWARNINGS": ""}
    call = [sys.executable, *args]
    return subprocess.run(call, cwd=cwd, env=env, capture_output=True, text=True, timeout=FINISHES)


def small(words: list[str]) -> list[str]:
    """The arguments of a printed command, and what makes it small."""
    said = {word.split("=")[0] for word in words}
    return [*words, *(word for word in SMALL if word.split("=")[0] not in said)]


def test_the_guide_has_an_example_of_every_kind() -> None:
    kinds = ["activation", "loss", "optimizer", "probe", "gradient", "data", "metric", "study", "launcher", "plug-in"]
    assert list(SECTIONS) == kinds


@pytest.mark.parametrize("kind", CODE)
def test_an_example_is_one_definition_that_registers_one_name(kind: str) -> None:
    (block,) = SECTIONS[kind].blocks.values()
    *imports, definition = ast.parse(block).body
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in imports)
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    methods = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    assert isinstance(definition, ast.FunctionDef) or len(methods) == 1
    assert len(re.findall(r"^@", block, re.M)) == 1


# As plug-ins: no fork, no YAML file


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each Python example is a module, and the guide's package names them all as plug-ins."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads(SECTIONS["plug-in"].blocks["pyproject.toml"])["project"]
    (group, entries), *others = project["entry-points"].items()
    assert (group, others) == ("bpexp.plugins", [])
    (site / "bpexp_laplace.py").write_text(SECTIONS["plug-in"].blocks["bpexp_laplace.py"], encoding="utf-8")
    (site / "bpexp_pool.py").write_text(SECTIONS["launcher"].blocks["bpexp_pool.py"], encoding="utf-8")
    entries["pool"] = "bpexp_pool"
    for kind, path in CODE.items():
        entries[kind] = f"example_of_{kind}"
        (site / f"{entries[kind]}.py").write_text(SECTIONS[kind].blocks[path], encoding="utf-8")
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *(f"{n} = {m}" for n, m in entries.items())]))
    return site


def journal(run: Path) -> dict[str, list[float]]:
    """The recorded series of a run."""
    series: dict[str, list[float]] = {}
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line).get("metrics", {}).items():
            series.setdefault(name, []).append(value)
    return series


def words_of(kind: str, folder: Path, *more: str) -> list[str]:
    """The arguments of a small run of the printed command."""
    words = small([*SECTIONS[kind].command, *more])
    return [*words, f"hydra.run.dir={folder / 'run'}", f"hydra.sweep.dir={folder / 'run'}"]


def ran(kind: str, site: Path, folder: Path, *more: str) -> Path:
    """The directory of a small run of the printed command; it must say nothing on stderr and end with 0."""
    done = python(*words_of(kind, folder, *more)[1:], cwd=folder, path=site)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "run"


def ran_forked(kind: str, site: Path, folder: Path) -> Path:
    """The same in a child of the tests, which has imported everything but the plug-ins."""

    def elsewhere() -> None:
        for name in [name for name in os.environ if name.startswith(NOT_TOLD)]:
            del os.environ[name]
        os.chdir(folder)
        sys.path.insert(0, str(site))
        load_plugins.cache_clear()

    python, module, name, *arguments = words_of(kind, folder)
    assert (python, module, name) == ("python", "-m", "bpexp")
    child = bpexp(arguments, folder, streams=elsewhere)
    assert (child.ended(), child.err) == (0, "")
    return folder / "run"


@pytest.mark.parametrize("kind", ["activation", "loss", "optimizer", "probe", "gradient", "data", "plug-in"])
def test_the_printed_command_runs_and_checks_the_gradient(kind: str, installed: Path, tmp_path: Path) -> None:
    run = ran_forked(kind, installed, tmp_path)
    result, series = json.loads((run / "result.json").read_text(encoding="utf-8")), journal(run)
    assert result["status"] == "finished"
    assert "check=start" in SECTIONS[kind].command
    assert series["check/coordinates"][0] > 0
    assert series["check/worst_error"][0] < 1e-5
    if kind == "probe":
        assert all(0 <= share < 1 for l in (1, 2) for share in series[f"sparsity/layer_{l}"])
    elif kind == "plug-in":
        assert (result["params"]["init"], result["params"]["init.scale"]) == ("laplace", 0.2)
    else:
        assert result["params"][kind] == NAMES[kind]


def test_a_metric_is_recorded_and_ranks_in_the_direction_that_it_declares(installed: Path, tmp_path: Path) -> None:
    run = ran_forked("metric", installed, tmp_path)
    with (run / "ranking.csv").open(encoding="utf-8", newline="") as file:
        values = [float(row["final brier_validation"]) for row in csv.DictReader(file)]
    assert len(set(values)) == 3
    assert values == sorted(values), "lower is better"
    assert {"brier/train", "brier/validation", "brier/test"} <= set(journal(run / "0"))
    assert journal(run / "0")["check/worst_error"][0] < 1e-5


def test_the_launcher_executes_a_sweep(installed: Path, tmp_path: Path) -> None:
    run = ran("launcher", installed, tmp_path)
    results = [json.loads((run / f"{number}/result.json").read_text(encoding="utf-8")) for number in range(3)]
    assert {result["status"] for result in results} == {"finished"}
    assert len({result["theta_sha256"] for result in results}) == 3
    assert json.loads((run / "sweep.json").read_text(encoding="utf-8"))["launcher"] == "pool"


def test_the_study_ends_in_a_report(installed: Path, tmp_path: Path) -> None:
    (path,) = SECTIONS["study"].blocks
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(SECTIONS["study"].blocks[path], encoding="utf-8")
    run = ran("study", installed, tmp_path, "--config-dir", str(tmp_path / "conf"), "study.repeats=2")
    (report,) = run.rglob("report.html")
    (claim,) = yaml.safe_load(SECTIONS["study"].blocks[path])["study"]["claims"]
    assert claim["text"] in report.read_text(encoding="utf-8")
    checked = [journal(found.parent)["check/worst_error"][0] for found in run.rglob("metrics.jsonl")]
    assert len(checked) == 2 * 3 * 2
    assert max(checked) < 1e-5


# In a copy of the sources: the named file, the YAML file that the command writes, and the tests over the registries


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with every example, and its name in the table of choices, where the guide says.

    What is compiled comes along, but for the files that another process is just writing.
    """
    copy = tmp_path_factory.mktemp("extended")
    for name in ("bpexp", "conf", "tests", "experiments", ".ci"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    for kind, path in CODE.items():
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{SECTIONS[kind].blocks[path]}")
    table = (ROOT / "conf/README.md").read_text(encoding="utf-8")
    for kind, name in NAMES.items():
        if kind == "probe":
            continue  # that row lists sets of probes
        table = re.sub(rf"^(\|[^|\n]*`{kind}=`.*) \|$", rf"\1, {name} |", table, flags=re.M)
    (copy / "conf/README.md").write_text(table, encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def written(extended: Path) -> list[str]:
    """The files that the command writes there."""
    done = python("-m", "bpexp.config.option_files", cwd=extended, path=extended)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(Path(line).relative_to(extended).as_posix() for line in done.stdout.splitlines())


def test_the_command_writes_the_one_file_that_the_guide_names(extended: Path, written: list[str]) -> None:
    assert written == sorted(SECTIONS[kind].file for kind in CODE if kind != "metric")
    assert (SECTIONS["metric"].file, SECTIONS["plug-in"].file) == ("", "")
    node = yaml.safe_load((extended / "conf/loss/pseudo_huber.yaml").read_text(encoding="utf-8"))
    assert (node["name"], node["scale"]) == ("pseudo_huber", 1.0)
    assert NAMES["probe"] in yaml.safe_load((extended / "conf/probe/full.yaml").read_text(encoding="utf-8"))["measures"]


def test_the_tests_over_the_registries_hold_for_the_examples(extended: Path, written: list[str]) -> None:
    """Whatever is parametrised over a registry, for the new names; and what speaks of a whole registry."""
    chosen = " or ".join([*(name for kind, name in NAMES.items() if kind != "metric"), *WHOLE.values(), *TOGETHER])
    call = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=found.xml", "-k", chosen]
    done = python(*call, *(f"tests/{place}" for place in PLACES), cwd=extended, path=extended)
    assert done.returncode == 0, done.stdout[-3000:]
    tests = ElementTree.parse(extended / "found.xml").iter("testcase")
    passed = [f"{test.get('classname')}::{test.get('name')}" for test in tests if test.find("skipped") is None]
    for kind, name in (NAMES | {"metric": WHOLE["metric"]}).items():
        assert sum(name in test for test in passed) >= LEAST[kind], kind
    for name in TOGETHER:
        assert any(name in test for test in passed), name
