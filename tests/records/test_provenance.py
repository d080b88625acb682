"""A result says where it comes from, and nothing about who made it."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

import bpexp
from bpexp.records import provenance as module
from bpexp.records.provenance import provenance


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit; the running code counts as installed elsewhere."""
    folder = tmp_path / "project"
    (folder / "bpexp").mkdir(parents=True)
    (folder / "code.py").write_text("1")
    git(folder, "init", "-q", "-b", "work")
    git(folder, "add", "code.py")
    git(folder, "commit", "-q", "-m", "first")
    monkeypatch.setattr(bpexp, "__file__", str(tmp_path / "elsewhere" / "__init__.py"))
    return folder


def test_commit_branch_and_dirtiness_of_the_repository(repository: Path) -> None:
    facts = provenance(repository)
    assert len(facts["git_commit"]) == 40
    assert (facts["git_branch"], facts["git_dirty"]) == ("work", "false")
    (repository / "result.txt").write_text("an untracked result is not a change of the code")
    assert provenance(repository)["git_dirty"] == "false"
    (repository / "code.py").write_text("2")
    assert provenance(repository)["git_dirty"] == "true"


def test_a_package_installed_inside_a_project_does_not_borrow_its_commit(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpexp, "__file__", str(repository / "bpexp" / "__init__.py"))
    assert "git_commit" not in provenance(tmp_path)


@pytest.mark.parametrize("missing", ["repository", "commit", "git"])
def test_without_repository_commit_or_git_the_rest_is_there(
    missing: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    start = tmp_path / "empty"
    start.mkdir()
    if missing == "commit":
        git(start, "init", "-q")
    if missing == "git":
        monkeypatch.setenv("PATH", "")
        start = repository
    facts = provenance(start)
    assert not [name for name in facts if name.startswith("git")]
    assert facts["python"] == platform.python_version()
    assert capfd.readouterr() == ("", "")


def test_versions_and_threads_are_recorded() -> None:
    with threadpool_limits(1):
        facts = provenance(Path.cwd())
    assert {"numpy", "scipy", "mlflow", "hydra-core", "bpexp", "platform", "cpu_count"} <= set(facts)
    assert facts.get("blas_threads", "1") == "1"
    assert all(isinstance(value, str) and value for value in facts.values())


def test_neither_user_nor_host_is_recorded(repository: Path) -> None:
    text = repr(provenance(repository))
    for private in (f"/{getpass.getuser()}/", platform.node(), str(Path.home())):
        assert len(private) < 4 or private not in text


def test_nothing_heavy_is_imported() -> None:
    code = f"import sys; from pathlib import Path; from {module.__name__} import provenance; provenance(Path('.'))\n"
    code += "print({'mlflow', 'scipy', 'hydra'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=dict(os.environ)).strip() == "set()"
