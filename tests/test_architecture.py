"""The house rules: which way imports point, what the mathematics may not load, how configs and registries agree."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import bpexp

PACKAGE = Path(bpexp.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = ["files", "nn", "gradients", "data", "training", "insight"]
HEAVY = ["hydra", "omegaconf", "mlflow", "matplotlib"]

FLOORS: dict[str, set[str]] = {
    "files": set(),
    "nn": set(),
    "data": {"nn"},
    "gradients": {"nn"},
    "papers": {"nn", "gradients"},
    "training": {"nn", "data", "gradients"},
    "insight": {"nn", "data", "gradients", "training"},
    "figures": {"nn", "data", "training", "insight"},
    "records": {"nn", "data", "training"},
    "tracking": {"nn", "training", "records"},
    "study": {"training", "figures", "records", "tracking"},
    "search": {"training", "figures", "records", "study"},
    "config": {"nn", "data", "gradients", "papers", "training", "insight", "records", "tracking", "study", "search"},
    "running": {
        *("nn", "data", "gradients", "papers", "training", "insight", "figures", "records", "tracking", "study"),
        *("search", "config"),
    },
    "cli": {"training", "records", "tracking", "study", "search", "config", "running"},
    "ui": {"tracking"},
    "api": {
        *("nn", "data", "training", "figures", "records", "tracking", "study", "search", "config", "running"),
    },
}
"""What each package may import of the others. Whatever is not listed is refused."""

PAPERS = "bpexp.papers.paper_"
"""Modules that are as long as the paper whose formulas they hold: one file a paper, one declaration a formula."""

EVERYONE = {"errors", "synonyms", "docstrings", "registry", "files", "__version__"}
"""What the arrows do not concern: modules of the top level, and the package that knows nothing of the others."""


def dotted(path: Path) -> str:
    """The module name of a file."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Everything that stands in a module."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    """The full names that a module imports, anywhere in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    """The package of a module, or the module's own name where it stands alone."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def house(*folders: str) -> list[Path]:
    """The modules of some sub-packages."""
    return [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in folders]


@pytest.mark.parametrize("folder", PURE)
def test_the_mathematics_loads_no_machinery(folder):
    modules = [dotted(path) for path in house(folder)]
    assert modules
    code = f"import sys\nfor m in {modules!r}: __import__(m)\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in FLOORS], ids=dotted)
def test_arrows_point_one_way(path):
    """Imports inside functions count too: `ast.walk` sees them."""
    ours = [name.split(".") for name in imports(path) if name.split(".")[0] == "bpexp"]
    used = {parts[1] for parts in ours if len(parts) > 1} - EVERYONE - {room(path)}
    assert used <= FLOORS[room(path)]


def test_there_is_no_circle():
    """The table itself points one way: what a package may import stands above it."""
    seen: set[str] = set()
    for name, below in FLOORS.items():
        assert below <= seen, name
        seen.add(name)


def test_every_package_has_a_floor_and_few_modules_stand_alone():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(FLOORS)
    assert {path.stem for path in PACKAGE.glob("*.py")} == {
        "__init__",
        "__main__",
        "docstrings",
        "errors",
        "registry",
        "synonyms",
    }


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_every_package_says_what_belongs_there(name):
    text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert len(text.split()) >= 20, f"bpexp/{name}/__init__.py must say what belongs there and what does not"


@pytest.mark.parametrize("path", house(*PURE), ids=dotted)
def test_the_mathematics_names_no_machinery(path):
    assert not {name.split(".")[0] for name in imports(path)} & set(HEAVY)


LIBRARIES = {
    "alembic": {"alembic.script", "alembic.util"},
    "cryptography": {"cryptography.fernet"},
    "distributed": {"distributed"},
    "filelock": {"filelock"},
    "hydra": {
        *("hydra", "hydra.errors", "hydra.types", "hydra.core.hydra_config", "hydra.core.object_type"),
        *("hydra.plugins.config_source", "hydra.plugins.search_path_plugin"),
        *("hydra.core.config_loader", "hydra.core.config_search_path", "hydra.core.config_store"),
        *("hydra.core.override_parser.overrides_parser", "hydra.core.override_parser.types"),
        *("hydra.core.global_hydra", "hydra.core.plugins", "hydra.core.utils"),
    },
    "matplotlib": {
        *("matplotlib", "matplotlib.axes", "matplotlib.figure", "matplotlib.lines", "matplotlib.ticker"),
        *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg"),
        "matplotlib.colors",
    },
    "mlflow": {
        *("mlflow", "mlflow.artifacts", "mlflow.entities", "mlflow.exceptions", "mlflow.models"),
        "mlflow.types",
    },
    "llvmlite": {"llvmlite"},
    "numba": {"numba", "numba.extending"},
    "numpy": {"numpy", "numpy.lib.format", "numpy.typing"},
    "omegaconf": {"omegaconf", "omegaconf.errors"},
    "optuna": {
        *("optuna", "optuna.exceptions", "optuna.importance", "optuna.storages.journal", "optuna.trial"),
    },
    "pandas": {"pandas"},
    "PIL": {"PIL"},
    "platformdirs": {"platformdirs"},
    "pooch": {"pooch"},
    "ray": {"ray", "ray.util.scheduling_strategies"},
    "rich": {
        *("rich.box", "rich.console", "rich.live", "rich.progress", "rich.progress_bar", "rich.style"),
        *("rich.table", "rich.text"),
    },
    "scipy": {"scipy", "scipy.optimize", "scipy.special"},
    "sqlalchemy": {"sqlalchemy", "sqlalchemy.exc"},
    "statsmodels": {"statsmodels.api", "statsmodels.formula.api", "statsmodels.stats.power"},
    "submitit": {"submitit"},
    "threadpoolctl": {"threadpoolctl"},
    "yaml": {"yaml"},
}
"""The modules of other people's libraries that bpexp imports; each is a documented interface of its library."""

ENGINES = ("distributed", "llvmlite", "numba", "ray")
"""Those that need not be installed: extras, imported when a launcher, or engine=numba, is named."""

GLOBAL_STATE = ("hydra.core.global_hydra", "hydra.core.plugins", "hydra.core.utils")
"""Hydra's global state."""

STATE_KEEPERS = {"bpexp.config.hydra_state", "bpexp.config.composition", "bpexp.running.launchers.hydra_plugin"}
"""The modules that may touch it: one isolates it, one composes inside that isolation, one starts Hydra's launchers."""


def foreign(path: Path) -> Iterator[str]:
    """The modules of other libraries that a file imports, anywhere in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_the_listed_modules_of_libraries_are_imported(path):
    ours = set(sys.stdlib_module_names) | {"bpexp"}
    for name in foreign(path):
        library = name.split(".")[0]
        assert library in ours or name in LIBRARIES.get(library, set()), f"{name}: list it, or use a public interface"
        assert library != "unittest", "a package does not test itself with stand-ins"
        if name in GLOBAL_STATE:
            assert dotted(path) in STATE_KEEPERS


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_no_private_name_of_another_object_is_read(path):
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            public = ast.unparse(node) == "os._exit"  # documented, for all its name
            assert public or ast.unparse(node.value) in ("self", "cls"), f"line {node.lineno}: {ast.unparse(node)}"


def test_every_listed_module_is_there_and_used():
    """A library that moves a module fails here, by name."""
    listed = {name for names in LIBRARIES.values() for name in names}
    used = {name for path in MODULES for name in foreign(path) if name.split(".")[0] in LIBRARIES}
    assert used == listed
    for name in sorted(listed):
        library = name.partition(".")[0]
        if library not in ENGINES or importlib.util.find_spec(library):
            assert importlib.util.find_spec(name), f"{name} is gone"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_are_short_and_open_with_a_line_of_prose(path):
    text = path.read_text(encoding="utf-8")
    assert text.isascii() or dotted(path).startswith(PAPERS)  # quotations keep the signs of the papers
    assert len(text.splitlines()) < 250 or dotted(path).startswith(PAPERS)
    assert not text or ast.get_docstring(nodes(path)[0])
    assert path.name != "types.py"


def test_a_run_does_not_wait_for_the_statistics_of_studies():
    heavy = ("scipy.stats", "mlflow")
    code = f"import sys, bpexp.cli.main, bpexp.running.sweep; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
