"""What the documents name exists, their commands compose, and their tables say what the registries hold."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from names import resolved

import bpexp
from bpexp.cli import help
from bpexp.cli.arguments import command_line, parse
from bpexp.config.composition import composer
from bpexp.config.groups import GROUPS, config_folder, options
from bpexp.config.overrides import levels, refuse_senseless
from bpexp.config.schema import Config, construct, scalars
from bpexp.config.validation import validate
from bpexp.running.resuming.resume_words import changes_of, resume_wanted
from bpexp.running.searching.search_plan import names_search, planned_search
from bpexp.running.tasks.figures_words import figures_wanted
from bpexp.running.tasks.status_words import asked

ROOT = Path(__file__).resolve().parents[1]
FILES = ["README.md", "CONTRIBUTING.md", "conf/README.md"]
FILES += [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("bpexp/**/README.md"))]
FILES += [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("experiments/*/README.md"))]
DOCUMENTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
GROUPS_PAGE, LAYOUT = DOCUMENTS["conf/README.md"], DOCUMENTS["bpexp/README.md"]
NO_MODULES = {"bpexp.plugins", "bpexp.db", "bpexp.engine", "bpexp.fused", "bpexp.left_out"}
"""An entry-point group, a file, three tags."""


GUIDE = DOCUMENTS["CONTRIBUTING.md"]
EXAMPLES = set(re.findall(r'register\("(\w+)"\)', GUIDE)) | set(re.findall(r"conf/\w+/(\w+)\.yaml", GUIDE))
"""Components and studies that CONTRIBUTING shows how to write: those that are no option exist in its text alone."""
EXAMPLES -= {option for group in (*GROUPS, "model", "pairing", "experiment") for option in options(group)}


def is_example(file: str, text: str) -> bool:
    """Whether a path or a command of CONTRIBUTING names what one of its examples is about to make."""
    return file == "CONTRIBUTING.md" and bool(EXAMPLES & set(re.findall(r"\w+", text)))


def found(pattern: str) -> list[tuple[str, str]]:
    """File and text of every place in a document that matches, once each."""
    return sorted({(file, match) for file, text in DOCUMENTS.items() for match in re.findall(pattern, text)})


def commands() -> Iterator[tuple[str, str]]:
    """File and arguments of every `python -m bpexp ...`, in blocks of code and between backticks."""
    for file, text in DOCUMENTS.items():
        blocks = re.findall(r"^```bash\n(.*?)^```", text, re.M | re.S)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        for line in lines:
            for command in re.findall(r"python -m bpexp( .*|$)", line):
                yield file, shlex.join(shlex.split(command, comments=True))


@pytest.mark.parametrize(("file", "name"), [row for row in found(r"\bbpexp(?:\.\w+)+") if row[1] not in NO_MODULES])
def test_a_dotted_name_can_be_imported(file: str, name: str) -> None:
    resolved(name)


@pytest.mark.parametrize(("file", "path"), found(r"\]\(([^)#:]+)\)"))
def test_a_linked_file_exists(file: str, path: str) -> None:
    assert ((ROOT / file).parent / path).exists()


@pytest.mark.parametrize(("file", "path"), found(r"(?<![\w/.])(?:bpexp|tests|conf|experiments|\.ci)/[\w./*<>-]+"))
def test_a_named_path_exists(file: str, path: str) -> None:
    assert is_example(file, path) or list(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("./"))))


@pytest.mark.parametrize(("file", "module"), found(r"python -m ((?:bpexp|experiments)\.[\w.]*\w)"))
def test_a_module_that_is_run_exists(file: str, module: str) -> None:
    place = ROOT / module.replace(".", "/")
    assert place.with_suffix(".py").exists() or (place / "__main__.py").exists()


@pytest.mark.parametrize(("file", "command"), sorted({row for row in commands() if not is_example(*row)}))
def test_a_command_composes(file: str, command: str) -> None:
    words = shlex.split(command)
    if "--version" in words:
        return
    said = parse([word for word in words if word != "..."])
    if said.help:
        assert help.text(said.overrides)
        return
    if (wanted := resume_wanted(command_line(said))) is not None:
        assert construct(Config, changes_of(wanted, command_line(said)))
        return
    if asked(said.overrides) is not None or figures_wanted(said.overrides) is not None:
        return
    with composer(command_line(said)) as composing:
        overrides = refuse_senseless(composing.parse(said.overrides))
        if names_search(overrides):
            assert planned_search(composing, overrides, command_line(said))
            return
        several = [override.input_line for override in overrides if override.is_sweep_override()]
        first = composing.compose(composing.parse([levels(override)[0] for override in overrides]))
    validate(first.config)
    assert not several or said.multirun or first.multirun or first.config.study, f"{several} need -m"


def test_commands_are_found() -> None:
    assert len({file for file, _ in commands()}) > 10
    assert len(set(commands())) > 20


def cells(group: str) -> list[str]:
    """The row of a group in the table of conf/README.md."""
    (row,) = [line for line in GROUPS_PAGE.splitlines() if line.startswith(f"| `{group}=` |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("group", [*GROUPS, "model", "pairing"])
def test_the_table_lists_every_choice(group: str) -> None:
    """Names between commas; what is in brackets is a remark, xavier_* stands for a family."""
    words = re.split(r"[,;]", re.sub(r"\(.*?\)", "", cells(group)[2]))
    listed: set[str] = set()
    for word in map(str.strip, words):
        meant = options("activation") if word == "every activation" else [n for n in options(group) if fnmatch(n, word)]
        assert meant, f"{group}={word} is no choice"
        listed |= set(meant)
    assert listed == set(options(group))


def test_every_group_has_a_row() -> None:
    folders = {path.name for path in config_folder().iterdir() if path.is_dir()} - {"hydra"}
    assert {name for name in folders if cells(name)} == folders


def test_every_study_has_a_folder() -> None:
    assert [name for name in options("experiment") if not (ROOT / "experiments" / name / "README.md").exists()] == []


STUDIES = [name for name in FILES if name.startswith("experiments/") and name != "experiments/notebooks/README.md"]
"""The pages of the experiments; the notebooks hold their figures themselves."""


@pytest.mark.parametrize("file", STUDIES)
def test_a_study_opens_with_its_figure(file: str) -> None:
    """Below the title, with a text for those who do not see it, and small enough for a page."""
    title, gap, first = DOCUMENTS[file].splitlines()[:3]
    match = re.fullmatch(r"!\[(.{20,})\]\((\w+\.(?:svg|png))\)", first)
    assert title.startswith("# ")
    assert not gap
    assert match is not None, first
    picture = (ROOT / file).parent / match[2]
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") or b"<svg" in content[:1000]
    assert len(content) < 200_000


def test_the_layout_names_every_package_and_module() -> None:
    table = LAYOUT.split("| in `bpexp/` |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    package = ROOT / "bpexp"
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    assert named == packages | {path.name for path in package.glob("*.py")}


def test_every_scalar_is_named() -> None:
    rare = {"progress", "task", "sample", "run", "run_name", "objective"}
    assert {name for name in scalars() if f"`{name}`" not in GROUPS_PAGE} <= rare


def test_the_first_page_is_read_in_one_go() -> None:
    assert len(DOCUMENTS["README.md"].splitlines()) <= 150


def test_the_version_stands_in_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert bpexp.__version__ not in re.findall(r'^version = "(.*)"', text, re.M)
    assert 'dynamic = ["version"]' in text
