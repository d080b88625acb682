"""Hostile configs and command lines: each is a few files and the words of one command, which must be refused.

Every case names what it attacks. `EXPERIMENT` files are read by --config-dir, `MAIN` files by --config-path. A planted
package `evilpkg` writes a file when it is imported, and SECRET is in the environment and in a file beside the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SECRET = "hunter2-canary-5f2c"
"""In the environment variable CANARY and in the file ../secret.yaml: it must not appear anywhere."""

HEADER = "# @package _global_\n"
FOLDER = ("--config-dir", "mine")
MINE = (*FOLDER, "experiment=mine")
QUIET = ("data=xor", "model.hidden=[3]", "tracking=none")


@dataclass(frozen=True, slots=True)
class Case:
    """One command: its words, the files in its folder by path, and the special files by path (fifo, socket, -> TARGET).

    `slow` marks those that the short form in the tests leaves to the study.
    """

    kind: str
    name: str
    argv: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    special: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False

    @property
    def label(self) -> str:
        """Kind and name."""
        return f"{self.kind}: {self.name}"


def experiment(kind: str, name: str, body: str, *argv: str, header: str = HEADER, **others: str) -> Case:
    """A case whose config is an experiment of the user's folder."""
    files = {"mine/experiment/mine.yaml": header + body + "\n"} | {
        f"mine/{path}": text for path, text in others.items()
    }
    return Case(kind, name, (*MINE, *argv), files)


def main_config(kind: str, name: str, body: str, *argv: str) -> Case:
    """A case whose config stands in place of our config.yaml."""
    return Case(kind, name, ("--config-path", "mine", *argv), {"mine/config.yaml": body + "\n"})


def typed(kind: str, block: str) -> Iterator[Case]:
    """Cases that are a command line alone: one a line of the block, its words separated by spaces."""
    for line in block.strip("\n").split("\n"):
        yield Case(kind, line[:70], tuple(line.split(" ")))


CODE_LINES = r"""
hydra.searchpath=[pkg://evilpkg]
+hydra.searchpath=[pkg://evilpkg]
++hydra.searchpath=[pkg://evilpkg]
hydra={searchpath:[pkg://evilpkg]}
+hydra.callbacks.x._target_=evilpkg.call
hydra/callbacks=evil
hydra/launcher=evilpkg
hydra.launcher._target_=evilpkg.L
hydra.sweeper._target_=evilpkg.S
hydra/sweeper=evil
+data@hydra.callbacks=csv
~hydra.run
hydra.job_logging.handlers.console.class=evilpkg.H
hydra.hydra_logging.handlers.console.stream=ext://evilpkg.x
+hydra.job.env_set.A=b
hydra.help.template=a
hydra.searchpath=[pkg://evilpkg] --cfg job
hydra.searchpath=[pkg://evilpkg] --info searchpath
+hydra.callbacks.x=1 --hydra-help
hydra.hydra_logging.handlers.x=1 --info all
--config-path pkg://evilpkg
--config-dir pkg://evilpkg
--config-name pkg://evilpkg/x
--experimental-rerun evil.pickle
gradient=evilpkg.call
callbacks.evil={}
data={name:evilpkg}
+_target_=evilpkg.call
launcher=evilpkg:call
"""

SECRET_LINES = r"""
--config-name ../../secret
--config-name /etc/passwd
experiment=../../secret
model=/../../x
"""

SIZE_LINES = r"""
-m seed=range(1000000000)
-m seed=range(0,1000000000,1)
-m seed=shuffle(range(1000000000))
-m lr=range(0.1,1,1e-300)
-m lr=range(0.1,1,0)
-m seed=range(1000) lr=range(1,1000) batch_size=range(1,100)
-m seed=range(0,100000000000000000000)
-m seed=sort(range(1000000000))
-m seed=int(range(1000000000))
-m seed=range(2000) optimizer=sgd,adam,rmsprop
experiment=symmetry study.repeats=1000000000
model.hidden=[1000000000]
model.hidden=[1000000,1000000]
model.hidden=[] model.depth=1000000000
model.hidden=[] model.depth=100000
model.hidden=[] model.depth=500 model.width=1000000
data=xor data.n=1000000000000
data=two_moons data.n=1000000000000000000000000
data=spirals data.n=100000000000
data=polynomial data.n=1000000000000 loss=mse output=identity
data=polynomial data.powers=1000000000000 loss=mse output=identity
data=spirals data.n=300000 data.arms=300000
epochs=1000000000000000
threads=1180591620717411303424
epochs=1180591620717411303424
batch_size=1180591620717411303424
threads=2000
-m launcher=process launcher.n_jobs=1000000 lr=0.1,0.2
-m hydra/launcher=joblib hydra.launcher.n_jobs=1000000 lr=0.1,0.2
limits.jobs=0
limits.memory=0.000001
limits={jobs:100000}
limits.parameters=10
limits.updates=10
limits.text=10 run_name=abcdefghijklm
limits.nope=3
run_name=${run_name}${run_name}${run_name}
"""

MEANINGLESS_LINES = r"""
-m seed=range(0)
-m seed=range(3,3)
-m seed=range(3,0)
hydra.run.dir=
hydra.run.dir=''
-m lr=0.1,0.2 hydra.sweep.dir=''
study=foo tracking=none
study=foo
pairing=[a,b]
pairing={a:b}
pairing=sigmoid_mse,softmax_mse
-m task=train,trace
-m experiment=symmetry,errata
-m lr=0.1,0.1
-m lr=,
tracking.uri=http://
tracking.uri=https://
tracking.uri=ftp://host/x
tracking.uri=/dev/null
tracking.uri=sqlite:////dev/null
tracking.uri=sqlite:///ro.db?mode=ro
tracking.uri=sqlite:///m.db?mode=memory
tracking.uri=file:///tmp/x
tracking.uri=postgresql://
tracking.uri=nope
hydra.output_subdir=../x
hydra.output_subdir=''
hydra.mode=NOPE
lr=
lr=null
model=null
data=null
~lr
~data
+lr=0.2
lr=0.1 lr=0.2
-m task=report
task=trace sample=1000000
sample=3
hydra.verbose=true
hydra.job.chdir=true
-m hydra.run.dir=a,b lr=0.1,0.2
"""

MADE_FIRST_LINES = r"""
task=report study=nope
task=report
task=report study=nope tracking=none
task=report hydra.sweep.dir=nowhere tracking=none
task=report experiment=symmetry
-m hydra.sweep.dir=a,b lr=0.1,0.2
-m hydra.job.name=a,b lr=0.1,0.2
-m hydra/launcher=basic,joblib lr=0.1,0.2
-m lr=0.1,0.2 hydra.sweep.subdir=same
-m lr=0.1,-1
task=sync study=nope -m
"""

TRACEBACK_LINES = r"""
--cfg job lr=${nope} --resolve
lr=${nope}
lr=${
lr=${}
lr=${.}
lr=${lr}
--cfg job zzz=1
--cfg nope
--cfg job --package nope
--cfg job -p a.b.c
--cfg job -p a[
--package model
--resolve
--info nope
--info config zzz=1
-sc install=evil
-sc query=bash
-sc install=bash uninstall=bash
-sc nope=bash
-sc
hydra.sweeper.max_batch_size=0 -m lr=0.1,0.2
-m hydra.sweeper.params=3 lr=0.1,0.2
--multirun --cfg job
--run --info
--nope
=1
lr
lr=0.1=
[
{a:1}
lr=[
lr='
a b
lr=0.1;rm
@=1
data@=xor
callbacks={a:1}
model=[a,b]
lr={a:1}
+a.b.c=1
++a=1
run_name='${lr'
model.hidden={a:1}
loss=[mse]
-m lr=choice()
-m lr=tag(a,0.1)
-m lr=glob(*)
-m model=glob(nope*)
-m lr=interval(0,1)
data=csv
data=csv data.path=
data=npz data.path=.
optimizer=adam optimizer.beta1=1e400
init=normal init.std=1e308 init.std=2
probe.every=-1
check=every_n check.every=0
objective=nope
"""


TRACEBACK_FILES = r"""
run_name: [a]
lr: {a: 1}
hydra: 3
hydra: []
hydra: {run: 3}
hydra: {run: {dir: [a]}}
defaults: 3
defaults: [3]
defaults: [{a: {b: c}}]
defaults: [{a: 1, b: 2}]
model: 3
data: [a]
callbacks: 3
3: 4
null: 1
true: 1
lr: .nan
lr: 2026-01-01
study: {factors: {1: [2, 3]}}
hydra: {mode: NOPE}
hydra: {sweeper: {params: [1]}}
hydra: {sweeper: 3}
hydra: {launcher: 3}
"""

STUDIES = """
measures: []
measures: ['']
measures: [nope]
measures: [final nope/test]
measures: [first grad_norm/W9]
claims: [{text: t, measure: final accuracy/test, of: {lr: 0.1}, against: {lr: 0.1}, above: 0}]
claims: [{text: t, measure: final nope/test, of: {lr: 0.1}, above: 0}]
claims: [1]
repeats: 0
repeats: -1
repeats: many
curves: [nope/test]
by_depth: [nope]
"""

EVIL = {
    "searchpath": "searchpath: [pkg://evilpkg]",
    "callbacks": "callbacks: {x: {_target_: evilpkg.call}}",
    "callbacks without a target": "callbacks: {x: {a: 1}}",
    "a logging class": "job_logging: {handlers: {f: {class: evilpkg.Handler}}}",
    "a logging factory": "job_logging: {handlers: {f: {(): evilpkg.call}}}",
    "a logging file": "job_logging: {handlers: {f: {class: logging.FileHandler, filename: emptied}}}",
    "a stream by ext": "hydra_logging: {handlers: {f: {class: logging.StreamHandler, stream: 'ext://evilpkg.x'}}}",
    "a filter by ext": "hydra_logging: {filters: {f: {name: 'ext://evilpkg.x'}}}",
    "a configuration by cfg": "job_logging: {handlers: 'cfg://evilpkg'}",
    "the launcher's target": "launcher: {_target_: evilpkg.Launcher}",
    "the sweeper's target": "sweeper: {_target_: evilpkg.Sweeper}",
    "environment to set": "job: {env_set: {PYTHONSTARTUP: evil.py}}",
    "environment to copy": "job: {env_copy: [CANARY]}",
    "a help template": "help: {template: '${oc.env:CANARY}'}",
    "a help text": "hydra_help: {template: mine}",
    "verbose": "verbose: [evilpkg]",
    "chdir": "job: {chdir: true}",
    "choices": "runtime: {choices: {hydra/launcher: evil}}",
    "recorded overrides": "overrides: {hydra: ['hydra.searchpath=[pkg://evilpkg]']}",
    "an unknown key": "evil: {_target_: evilpkg.call}",
    "itself by an interpolation": "${study}",
    "callbacks by an interpolation": "callbacks: '${study}'",
    "callbacks by oc.decode": "callbacks: '${oc.decode:${study}}'",
    "callbacks by oc.create": "callbacks: '${oc.create:${study}}'",
    "a launcher by an interpolation": "launcher: '${study}'",
}
"""What a file may try to say below `hydra`."""

QUESTIONS = (
    ("--cfg", "job"),
    ("--cfg", "hydra"),
    ("--cfg", "all", "--resolve"),
    ("--info", "config"),
    ("--hydra-help",),
)


def code() -> Iterator[Case]:
    """Ways to have Python import or call something."""
    for name, body in EVIL.items():
        inside = f"hydra: {body}" if body.startswith("$") else f"hydra: {{{body}}}"
        yield experiment("code", f"{name} in an experiment", inside)
        yield main_config("code", f"{name} in the main config", inside)
    for question in QUESTIONS:
        for name in ("searchpath", "callbacks", "a logging class"):
            yield experiment("code", f"{name}, asked by {' '.join(question)}", f"hydra: {{{EVIL[name]}}}", *question)
            yield main_config(
                "code", f"{name}, main, asked by {' '.join(question)}", f"hydra: {{{EVIL[name]}}}", *question
            )
    yield experiment("code", "the package hydra", "searchpath: [pkg://evilpkg]", header="# @package hydra\n")
    yield experiment("code", "the package hydra.callbacks", "x: {a: 1}", header="# @package hydra.callbacks\n")
    yield experiment("code", "a package in a defaults list", "defaults: [/data/two_moons@hydra.callbacks]")
    yield experiment("code", "a module in a defaults list", "defaults: [pkg://evilpkg/x]")
    yield experiment("code", "a file in a defaults list", "defaults: [file:///etc/passwd]")
    yield experiment("code", "another sweeper", "defaults: [override /hydra/sweeper: evil]")
    yield experiment("code", "another launcher", "defaults: [override /hydra/launcher: evil]")
    yield experiment(
        "code", "a launcher of its own", "lr: 0.1", **{"hydra/launcher/basic.yaml": "_target_: evilpkg.L\n"}
    )
    yield experiment(
        "code",
        "callbacks of its own",
        "defaults: [override /hydra/callbacks: x]",
        **{"hydra/callbacks/x.yaml": "x: {_target_: evilpkg.call}\n"},
    )
    for key in (
        "hydra.searchpath",
        "hydra/launcher",
        "hydra.launcher._target_",
        "+hydra.searchpath",
        "~data",
        "data@hydra",
    ):
        yield experiment("code", f"the factor {key}", f"study: {{factors: {{'{key}': [a, b]}}}}")
        params = f"hydra: {{mode: MULTIRUN, sweeper: {{params: {{'{key}': 'a,b'}}}}}}"
        yield experiment("code", f"the swept {key}", params)
    for body in (
        *("_target_: evilpkg.call", "optimizer: {_target_: evilpkg.call}", "study: {a: {_target_: evilpkg.call}}"),
        *("callbacks: {early_stopping: {_target_: evilpkg.call}}", "study: [{(): evilpkg.call}]"),
        *("run_name: !!python/object/apply:evilpkg.call [a]", "run_name: !!python/name:evilpkg.call"),
        *("study: !!python/module:evilpkg a", "run_name: !evil a", "run_name: !!binary aGk=", "study: !!set {a}"),
        *(
            "run_name: ${evil:a}",
            "run_name: ${oc.create:a}",
            "run_name: ${oc.decode:a}",
            "run_name: ${python_version:major}",
        ),
        *("run_name: ${oc.select:lr}", "run_name: ${oc.dict.values:model}", "run_name: ${oc.deprecated:lr}"),
        *(
            "run_name: ${${study}:a}",
            "run_name: ${ oc.env : CANARY }",
            "'${oc.env:CANARY}': 1",
            "run_name: '\\${oc.env:CANARY}'",
        ),
    ):
        yield experiment("code", body, body, "tracking=none")
    yield from typed("code", CODE_LINES)


CLIMBS = {
    "data.path": "defaults: [override /data: csv]\ndata: {{path: '{0}'}}",
    "data.labels": "defaults: [override /data: idx]\ndata: {{path: mine, labels: '{0}'}}",
    "data.root": "defaults: [override /data: mnist]\ndata: {{root: '{0}', download: false}}",
    "hydra.run.dir": "hydra: {{run: {{dir: '{0}'}}}}",
    "hydra.sweep.dir": "hydra: {{mode: MULTIRUN, sweep: {{dir: '{0}'}}, sweeper: {{params: {{lr: '0.1,0.2'}}}}}}",
    "tracking.uri": "tracking: {{uri: 'sqlite:///{0}/m.db'}}",
}
"""Keys of places, and configs that set them."""


def secrets() -> Iterator[Case]:
    """Ways to read what is none of a config's business, to write beside it, or to send it away."""
    for key in ("run_name", "objective", "data.path", "tracking.experiment", "study.title"):
        yield Case("secret", f"{key}=oc.env", (f"{key}=${{oc.env:CANARY}}", "tracking=none"))
        path = key.split(".")
        value = "${oc.env:CANARY}" if len(path) == 1 else f"{{{path[1]}: '${{oc.env:CANARY}}'}}"
        yield experiment("secret", f"oc.env in {key}", f"{path[0]}: {value}")
    for key, body in CLIMBS.items():
        for place in ("..", "/etc", "~/x", "mine/../../x", "${study}/x", "linked/x"):
            case = experiment("secret", f"{key} at {place}", body.format(place) + "\nstudy: '../..'")
            yield Case(case.kind, case.name, case.argv, case.files, {"linked": "-> .."})
    for uri in (
        "http://evil.example",
        "https://evil.example:1",
        "postgresql://evil/db",
        "databricks",
        "ftp://evil",
        "/dev/null",
    ):
        yield experiment("secret", f"the store {uri}", f"tracking: {{uri: '{uri}'}}")
    yield experiment("secret", "a swept path", "study: {factors: {data.path: [/etc/passwd, /etc/group]}}", "data=csv")
    yield experiment(
        "secret",
        "a launcher's folder",
        "defaults: [override /hydra/launcher: joblib]\nhydra: {launcher: {temp_folder: /tmp}}",
    )
    yield experiment(
        "secret",
        "a launcher's expression",
        "defaults: [override /hydra/launcher: joblib]\nhydra: {launcher: {pre_dispatch: 'exit()'}}",
    )
    yield experiment("secret", "an output folder above", "hydra: {output_subdir: ../../x}", "tracking=none")
    yield experiment(
        "secret",
        "a subdirectory above",
        "hydra: {mode: MULTIRUN, sweep: {subdir: ../x}, sweeper: {params: {lr: '0.1,0.2'}}}",
        "tracking=none",
    )
    yield experiment("secret", "a file above in a defaults list", "defaults: [../../../secret]")
    yield experiment("secret", "an absolute file in a defaults list", "defaults: [//etc/passwd]")
    for name, target in (("a linked file", "-> ../../../secret.yaml"), ("a linked system file", "-> /etc/passwd")):
        yield Case("secret", name, MINE, {"mine/a": ""}, {"mine/experiment/mine.yaml": target})
    yield Case(
        "secret", "a linked folder", (*FOLDER, "experiment=secret"), {"mine/a": ""}, {"mine/experiment": "-> ../.."}
    )
    yield from typed("secret", SECRET_LINES)


def chain(links: int, each: str) -> str:
    """Keys that each hold the next one, as often as `each` says."""
    return "study:\n" + "".join(f"  k{n}: '{each.format(n + 1)}'\n" for n in range(links)) + f"  k{links}: x"


def bomb(levels: int, width: int = 9, item: str = "[{0}]") -> str:
    """Aliases of lists of aliases: width^levels nodes."""
    lines = ["  a0: &a0 " + item.format(", ".join("1" * width))]
    lines += [f"  a{n}: &a{n} {item.format(', '.join([f'*a{n - 1}'] * width))}" for n in range(1, levels)]
    return "study:\n" + "\n".join(lines)


def sizes() -> Iterator[Case]:
    """A few characters that multiply."""
    for levels in (5, 6, 12, 100):
        yield experiment("size", f"aliases 9^{levels}", bomb(levels), "tracking=none")
    yield experiment(
        "size",
        "merged aliases",
        "study:\n  a: &a {x: 1}\n"
        + "".join(f"  b{n}: &b{n} {{<<: [{', '.join(['*a'] * 99)}]}}\n" for n in range(99))
        + "  c: 1",
        "tracking=none",
    )
    yield experiment("size", "an alias in itself", "study: &a [*a]", "tracking=none")
    for depth in (50, 500, 2_000, 20_000):
        yield experiment("size", f"YAML {depth} deep", f"study: {'[' * depth}{']' * depth}", "tracking=none")
        yield experiment("size", f"mappings {depth} deep", f"study: {'{a: ' * depth}1{'}' * depth}", "tracking=none")
    yield experiment(
        "size", "indented 500 deep", "study:\n" + "".join(" " * n + "a:\n" for n in range(1, 500)), "tracking=none"
    )
    yield experiment("size", "interpolations that double", chain(40, "${{study.k{0}}}${{study.k{0}}}"), "tracking=none")
    yield experiment("size", "a chain of interpolations", chain(200, "${{study.k{0}}}"), "tracking=none")
    yield experiment(
        "size", "a circle of interpolations", "run_name: ${objective}\nobjective: ${run_name}", "tracking=none"
    )
    yield experiment("size", "a mapping in itself", "study: {a: '${study}'}", "tracking=none")
    yield experiment(
        "size",
        "interpolations of mappings",
        "study:\n"
        + "".join(f"  k{n}: {{a: '${{study.k{n + 1}}}', b: '${{study.k{n + 1}}}'}}\n" for n in range(30))
        + "  k30: x",
        "tracking=none",
    )
    yield experiment("size", "a file that includes itself", "defaults: [mine]")
    yield experiment(
        "size",
        "two files that include each other",
        "defaults: [other]",
        **{"experiment/other.yaml": HEADER + "defaults: [mine]\n"},
    )
    yield experiment("size", "5 MB of YAML", "study: [" + "a, " * 1_700_000 + "a]", "tracking=none")
    yield experiment("size", "5 MB of comment", "#" * 5_000_000 + "\nlr: 0.1")
    yield experiment(
        "size", "300 kB of keys", "study:\n" + "".join(f"  k{n}: {n}\n" for n in range(20_000)), "tracking=none"
    )
    yield experiment("size", "50 kB of text", f"run_name: {'a' * 50_000}", "tracking=none")
    yield experiment("size", "a long name", f"run_name: {'a' * 300}", "tracking=none")
    yield experiment("size", "a number of 5 000 digits", f"seed: {'1' * 5_000}", "tracking=none")
    yield experiment("size", "a long key", f"study: {{{'k' * 20_000}: 1}}", "tracking=none")
    yield experiment("size", "bounds in a file", "limits: {jobs: 1000000000}", "tracking=none")
    yield experiment(
        "size",
        "a factor of 6 000 levels",
        f"study: {{factors: {{lr: [{', '.join(f'0.{n:05d}' for n in range(1, 6_001))}]}}}}",
        "tracking=none",
    )
    yield experiment("size", "repeats=10^9", "study: {factors: {lr: [0.1, 0.2]}, repeats: 1000000000}", "tracking=none")
    yield experiment(
        "size",
        "stages of 10^9",
        "study: {factors: {lr: [0.1, 0.2]}, repeats: auto, stages: [5, 1000000000]}",
        "tracking=none",
    )
    yield experiment(
        "size",
        "a swept range",
        "hydra: {mode: MULTIRUN, sweeper: {params: {seed: 'range(1000000000)'}}}",
        "tracking=none",
    )
    yield experiment(
        "size",
        "1 000 activations in brackets",
        f"model: {{activations: {'[' * 1_000}relu{']' * 1_000}}}",
        "tracking=none",
    )
    yield from typed("size", SIZE_LINES)
    for name, word in {
        "a typed name of 300 characters": f"run_name={'a' * 300}",
        "a typed text of 20 000 characters": f"run_name={'a' * 20_000}",
        "1 000 typed brackets": f"model.activations={'[' * 1_000}relu{']' * 1_000}",
        "1 000 typed mappings": f"study={'{a:' * 1_000}1{'}' * 1_000}",
        "a rate of 400 digits": f"lr={'1' * 400}",
        "a rate of 5 000 digits": f"lr={'1' * 5_000}",
        "a limit of 400 digits": f"data.limit=-{'1' * 400}",
        "500 typed interpolations": f"run_name={'${' * 500}a{'}' * 500}",
        "a name that refers to itself": f"run_name={'${run_name}' * 3}",
    }.items():
        yield Case("size", name, (word,))
    digits = f"data.coefficients=[{'1' * 400}]"
    yield Case("size", "a coefficient of 400 digits", ("data=polynomial", "loss=mse", "output=identity", digits))
    yield Case("size", "30 000 overrides", tuple(f"+a{n}=1" for n in range(30_000)))


def specials() -> Iterator[Case]:
    """Files that are no files."""
    for what in ("fifo", "socket", "-> /dev/zero", "-> /dev/null", "-> nowhere", "-> mine.yaml", "folder"):
        yield Case("file", f"the config is {what}", MINE, {"mine/a": ""}, {"mine/experiment/mine.yaml": what})
        yield Case(
            "file", f"the main config is {what}", ("--config-path", "mine"), {"mine/a": ""}, {"mine/config.yaml": what}
        )
        for data in ("csv", "npz", "idx"):
            said = (f"data={data}", "data.path=d", "tracking=none")
            said += ("data.labels=d",) if data == "idx" else ()
            if (what, data) != ("folder", "idx"):
                yield Case("file", f"data={data} is {what}", said, {}, {"d": what})
    for flag in ("--config-dir", "--config-path"):
        for place in ("/dev/null", "/dev/zero", "/etc/passwd", "nowhere", "a\0b", "mine/config.yaml", ""):
            yield Case("file", f"{flag} {place!r}", (flag, place), {"mine/config.yaml": "lr: 0.1\n"})
    for body in (
        "\0",
        "\x1b[2J: 1",
        "\ufeff\ufeff",
        "%YAML 9.9\n---\nlr: 1",
        "--- a\n--- b",
        "[1, 2]",
        "a",
        "lr: 1\nlr: 2",
        "{",
        "? [a]\n: 1",
        "lr: *a",
    ):
        yield experiment("file", f"the content {body!r}", body, "tracking=none")
    yield Case("file", "Latin-1", MINE, {"mine/experiment/mine.yaml": "\udce4"})


def meaningless() -> Iterator[Case]:
    """What was accepted although it means nothing."""
    study = "study: {{factors: {{lr: [0.1, 0.2]}}, {0}}}"
    for body in STUDIES.strip("\n").split("\n"):
        yield experiment("meaningless", body, study.format(body), *QUIET[2:])
    for body in ("study: foo", "study: [a]", "study: {}", "study: {factors: {}}", "study: {factors: {lr: []}}"):
        yield experiment("meaningless", body, body, *QUIET)
    for key in ("task", "experiment", "study", "tracking.uri", "limits.jobs"):
        yield experiment("meaningless", f"the factor {key}", f"study: {{factors: {{{key}: [a, b]}}}}", "tracking=none")
        yield experiment(
            "meaningless",
            f"the swept {key}",
            f"hydra: {{mode: MULTIRUN, sweeper: {{params: {{{key}: 'a,b'}}}}}}",
            "tracking=none",
        )
    yield from typed("meaningless", MEANINGLESS_LINES)
    yield Case("meaningless", "no name of a config", ("--config-name", "", "lr=0.1"))
    yield Case("meaningless", "a blank name of a config", ("--config-name", "  "))


def made_first() -> Iterator[Case]:
    """What made something and was refused then."""
    yield from typed("made first", MADE_FIRST_LINES)


def tracebacks() -> Iterator[Case]:
    """What answered with a traceback, or with another exit code."""
    yield from typed("traceback", TRACEBACK_LINES)
    for word in ("run_name=a\0b", "data.path=a\0b", "hydra.run.dir=a\0b", "tracking.uri=a\0b", "\0"):
        yield Case("traceback", repr(word), (word,))
    yield Case("traceback", "a folder with a backslash", ("hydra.run.dir=a\\b", "lr=nope"))
    for body in TRACEBACK_FILES.strip("\n").split("\n"):
        yield experiment("traceback", body, body, "tracking=none")


def cases() -> list[Case]:
    """Every case; no two have the same label."""
    found = [*code(), *secrets(), *sizes(), *specials(), *meaningless(), *made_first(), *tracebacks()]
    return list({case.label: case for case in found}.values())
