"""Secrets planted wherever a person may put one: how often each is found again in files, rows, output and processes.

python -m experiments.reliability.secrets_planted [--only NAME]

Each case is a command in a process of its own, in an empty folder that also holds its temporary files and its home. Its
secret is looked for in every file below it (database, journal, archives and models too), in what was printed, in the
commands of the processes that it started, and in the database and artifacts of the server that it talked to.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments.reliability.guarded_server import Guard, free_port, mlflow_server
from experiments.reliability.searching import Commands, found_in_files, found_in_text

ROOT = Path(__file__).resolve().parents[2]
TINY = ("model.hidden=[4]", "data=two_moons", "epochs=2", "tracking.every=1")
STUDY = "# @package _global_\ndefaults:\n  - override /data: two_moons\n"


@dataclass(frozen=True)
class Case:
    """One place for a secret.

    `words` and `environment` are functions of the address HOST:PORT of a server; `delivers` says that the server has
    to take the run, `code` is the exit code, `files` are config files that a person wrote.
    """

    name: str
    secret: str
    words: Callable[[str], list[str]]
    environment: Callable[[str], Mapping[str, str]] = lambda at: {}
    code: int = 0
    delivers: bool = False
    user: str = "me"
    password: str | None = None
    files: Callable[[str], Mapping[str, str]] = lambda at: {}
    module: list[str] = field(default_factory=lambda: ["-m", "bpexp"])


def on_line(name: str, secret: str, login: str, **more: object) -> Case:
    """A login on the command line, which the server takes."""
    return Case(name, secret, lambda at: [*TINY, f"tracking.uri=http://{login}@{at}"], delivers=True, **more)  # type: ignore[arg-type]


def in_file(text: str) -> Callable[[str], Mapping[str, str]]:
    """A config file of a person, experiment/mine.yaml, with AT in place of the server's address."""
    return lambda at: {"conf/experiment/mine.yaml": STUDY + text.replace("AT", at)}


MINE = ["--config-dir", "conf", "experiment=mine", "epochs=1", "model.hidden=[4]"]
API = """
import sys, bpexp
run = bpexp.run("model.hidden=[4]", "data=two_moons", epochs=1, **{"tracking.uri": sys.argv[1]})
print(run, run.outcome)
print(bpexp.load(run.outcome.run_id, uri=sys.argv[1], into="loaded"))
"""

CASES = [
    on_line("a password", "kQ7x01zW", "me:kQ7x01zW"),
    on_line("a password with @", "k@Q7x02zW", "me:k@Q7x02zW"),
    on_line("a password with :", "k:Q7x03zW", "me:k:Q7x03zW"),
    on_line("a password with /", "k/Q7x04zW", "me:k/Q7x04zW"),
    on_line("a password with #", "k#Q7x05zW", "me:k#Q7x05zW"),
    on_line("a password with %40", "k@Q7x06zW", "me:k%40Q7x06zW"),
    on_line("a password with = & ! , and quotes", "k=&!,'Q7x07zW", "me:k=&!,'Q7x07zW"),
    on_line("a token as user name", "kQ7x08zW", "kQ7x08zW", user="kQ7x08zW", password=""),
    Case(
        "an address in quotes, in a sweep",
        "k@Q7x09zW",
        lambda at: ["-m", *TINY, "seed=0,1", f"tracking.uri='http://me:k@Q7x09zW@{at}'"],
        delivers=True,
    ),
    Case(
        "a sweep in several processes",
        "kQ7x10zW",
        lambda at: [
            *("-m", *TINY, "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
            f"tracking.uri=http://me:kQ7x10zW@{at}",
        ],
        delivers=True,
    ),
    Case(
        "a sweep of launcher=process",
        "kQ7x33zW",
        lambda at: [
            *("-m", *TINY, "seed=0,1", "launcher=process", "launcher.n_jobs=2"),
            f"tracking.uri=http://me:kQ7x33zW@{at}",
        ],
        delivers=True,
    ),
    Case(
        "a sweep of launcher=submitit",
        "kQ7x34zW",
        lambda at: [
            *("-m", *TINY, "seed=0,1", "launcher=submitit", "launcher.cluster=local", "launcher.n_jobs=2"),
            f"tracking.uri=http://me:kQ7x34zW@{at}",
        ],
        delivers=True,
    ),
    Case(
        "MLFLOW_TRACKING_URI",
        "k@Q7x11zW",
        lambda at: list(TINY),
        lambda at: {"MLFLOW_TRACKING_URI": f"http://me:k@Q7x11zW@{at}"},
        delivers=True,
    ),
    Case(
        "MLFLOW_TRACKING_PASSWORD",
        "kQ7x12zW",
        lambda at: [*TINY, f"tracking.uri=http://{at}"],
        lambda at: {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "kQ7x12zW"},
        delivers=True,
    ),
    Case(
        "MLFLOW_TRACKING_TOKEN",
        "kQ7x13zW",
        lambda at: [*TINY, f"tracking.uri=http://{at}"],
        lambda at: {"MLFLOW_TRACKING_TOKEN": "kQ7x13zW"},
        delivers=True,
    ),
    Case(
        "a config file",
        "k@Q7x14zW",
        lambda at: MINE,
        files=in_file("tracking:\n  uri: http://me:k@Q7x14zW@AT\n"),
        code=2,  # a file may not send the results to a server, unless the command line or the environment says so too
    ),
    Case("Python", "k@Q7x15zW", lambda at: [f"http://me:k@Q7x15zW@{at}"], module=["-c", API], delivers=True),
    on_line("a wrong password", "kQ7x16zW", "me:kQ7x16zW", password="another"),
    Case(
        "a server that is not there",
        "kQ7x17zW",
        lambda at: [*TINY, f"tracking.uri=http://me:kQ7x17zW@127.0.0.1:{free_port()}"],
    ),
    Case(
        "a database that is not there",
        "k@Q7x18zW",
        lambda at: [*TINY, f"tracking.uri=postgresql://me:k@Q7x18zW@127.0.0.1:{free_port()}/runs"],
    ),
    Case(
        "a query of a database",
        "kQ7x19zW",
        lambda at: [*TINY, f"tracking.uri=postgresql://127.0.0.1:{free_port()}/runs?user=me&password=kQ7x19zW"],
    ),
    Case("a driver that is not there", "kQ7x20zW", lambda at: [*TINY, "tracking.uri=mysql+pymysql://me:kQ7x20zW@db/r"]),
    Case("a query of SQLite", "kQ7x21zW", lambda at: [*TINY, "tracking.uri=sqlite:///mine.db?timeout=9&k=kQ7x21zW"]),
    Case(
        "a proxy",
        "kQ7x22zW",
        lambda at: [*TINY, "tracking.uri=http://mlflow.invalid"],
        lambda at: {"HTTP_PROXY": f"http://me:kQ7x22zW@127.0.0.1:{free_port()}"},
    ),
    Case("a query of a server", "kQ7x23zW", lambda at: [*TINY, f"tracking.uri=http://{at}/?token=kQ7x23zW"], code=2),
    Case("no scheme", "kQ7x24zW", lambda at: [*TINY, f"tracking.uri=me:kQ7x24zW@{at}"], code=2),
    Case("a path of data", "kQ7x25zW", lambda at: ["data=csv", f"data.path=https://me:kQ7x25zW@{at}/d.csv"], code=2),
    Case("a query of data", "kQ7x32zW", lambda at: ["data=csv", f"data.path=http://{at}/d.csv?t=kQ7x32zW&a=1"], code=2),
    Case("a misspelt key", "kQ7x26zW", lambda at: [*TINY, f"trackin.uri=http://me:kQ7x26zW@{at}"], code=2),
    Case(
        "a mapping",
        "kQ7x27zW",
        lambda at: [*TINY, f"tracking={{name:mlflow,uri:'http://me:kQ7x27zW@{at}'}}"],
        code=2,
    ),
    Case("another flag", "kQ7x28zW", lambda at: [f"--config-dir=http://me:kQ7x28zW@{at}"], code=2),
    Case("a wrong type in a file", "kQ7x29zW", lambda at: MINE, code=2, files=in_file("lr: http://me:kQ7x29zW@AT\n")),
    Case(
        "--cfg all",
        "k@Q7x30zW",
        lambda at: ["--cfg", "all", *MINE],
        files=in_file("tracking:\n  uri: http://me:k@Q7x30zW@AT\n"),
    ),
    Case(
        "the pages of a database",
        "kQ7x31zW",
        lambda at: [],
        lambda at: {"MLFLOW_TRACKING_URI": f"postgresql://me:kQ7x31zW@127.0.0.1:{free_port()}/runs"},
        module=["-m", "bpexp.ui", "--port", str(free_port())],
        code=1,
    ),
]


def plant(case: Case, folder: Path, guard: Guard) -> list[str]:
    """Run one case in `folder`; returns where its secret was found, and whatever else is not as it should be."""
    at = f"127.0.0.1:{guard.port}"
    guard.expect(case.user, case.secret if case.password is None else case.password)
    (folder / "tmp").mkdir(parents=True)
    written = [folder / name for name in case.files(at)]
    for path, text in zip(written, case.files(at).values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, *case.module, *case.words(at)],
        cwd=folder,
        env=surroundings(folder, case.environment(at)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with Commands(process.pid) as commands:
        printed, _ = process.communicate(timeout=300)
    hits = found_in_files(folder, [case.secret], written)
    hits += [f"printed: {line}" for line in found_in_text(printed, [case.secret])]
    hits += [f"ps: {line}" for line in commands.seen if found_in_text(line, [case.secret])]
    if process.returncode != case.code or "Traceback" in printed:
        hits.append(f"exit code {process.returncode}, not {case.code}: {printed[-500:]}")
    refused = case.password == "another"
    if case.delivers and not guard.passed and not refused:
        hits.append(f"the server passed {guard.passed} requests and refused {guard.refused}: {printed[-500:]}")
    if refused and (guard.passed or not guard.refused):
        hits.append("the server was given another password")
    return hits


def surroundings(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a case: home and temporary files lie in its folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "HTTP", "http"))}
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return {**kept, **own, **more}


def measure(names: list[str]) -> list[tuple[str, list[str]]]:
    """Each case with what was found; names are those of the cases to run, all where there are none."""
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        server = Path(scratch, "server")
        server.mkdir()
        results = []
        with mlflow_server(server) as port, Guard(port).serving() as guard:
            for number, case in enumerate(CASES):
                if names and case.name not in names:
                    continue
                hits = plant(case, Path(scratch, str(number)), guard)
                hits += [f"server: {hit}" for hit in found_in_files(server, [case.secret])]
                results.append((case.name, hits))
                print(f"{case.name:<40}{len(hits)} found", *hits, sep="\n    ", flush=True)
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="the name of a case")
    results = measure(parser.parse_args().only)
    print(f"{len(results)} secrets planted, {sum(bool(hits) for _, hits in results)} found")
    raise SystemExit(any(hits for _, hits in results))


if __name__ == "__main__":
    main()
