"""What MLflow gets of a run or a sweep that has ended, from the files in its folder: status, summary, tags, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bpexp.records.clock import milliseconds
from bpexp.records.escaping import code, markdown, typed
from bpexp.records.journal import JOURNAL
from bpexp.records.journal_lines import last_line
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import RESULT, Outcome, described_epochs, read_outcome
from bpexp.records.split_file import SPLIT
from bpexp.tracking.labels import DESCRIPTION, NOTE
from bpexp.tracking.manifest import Facts
from bpexp.tracking.rows import THINNING, Row, rule
from bpexp.training.metrics import PARTS, headlines

STATUS = {"finished": "FINISHED", "stopped": "FINISHED", "pruned": "FINISHED", "killed": "KILLED"}
"""MLflow's status of an outcome; every other outcome, diverged too, maps to FAILED."""

LEFT_OUT = "bpexp.left_out"
"""The tag of a job of a sweep that names what is not recorded of it; it is brought up to date at each delivery."""

PICTURES = ("figures.png", "learning_curve.png", "histograms.npz")
FILES = ("config.yaml", JOURNAL, RESULT, SPLIT, *PICTURES, "trace.md", "trace.tex", "traceback.txt")
"""The files of a run's directory that are logged as artifacts if they exist; the network is logged as a model."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What is recorded at the end. `status` is None of a sweep that goes on, `ended` in ms since 1970."""

    status: str | None
    ended: int
    tags: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    files: Sequence[Path] = ()
    model: bool = False
    whole: bool = False
    """Whether the run came to its own end, so that the last row of each metric is sent."""


def content_of(directory: Path, facts: Facts, outcome: Outcome | None = None) -> Content:
    """The content of the run or sweep in a folder, as its files tell, and `outcome` where that may not be on disk."""
    if facts.kind == "sweep":
        rows = [Row(name, step, at, float(value)) for name, step, at, value in facts.rows]
        named = [directory / name for name in facts.files]
        found = [file for file in named if file.exists()]
        return Content(facts.status, max(facts.ended or 0, facts.started), {**facts.tags}, rows, found)
    files = [file for name in FILES if (file := directory / name).exists()]
    ended = max(_last_time(directory / JOURNAL) or 0, facts.started)  # a clock may be put back
    outcome = outcome or outcome_in(directory)
    if outcome is None:
        told = {"bpexp.status": "killed", "bpexp.reason": "its process died and left no result.json"}
        return Content("KILLED", ended, told, files=files)
    missing = missing_of(directory, facts)
    summary = {**shown_summary(outcome), "final/seconds": outcome.seconds}
    return Content(
        status=STATUS.get(outcome.status, "FAILED"),
        ended=ended,
        tags={
            **tags_of(outcome, directory, missing, facts.tags.get(NOTE, "")),
            "bpexp.directory": str(directory.absolute()),  # a run may end on another machine
            **_record_tags(facts, missing),
        },
        rows=[Row(name, 0, ended, float(value)) for name, value in summary.items()],
        files=files,
        model=has_model(directory, facts, outcome),
        whole=outcome.ok,
    )


def shown_summary(outcome: Outcome) -> dict[str, float]:
    """The summaries that MLflow shows, each as a bar: few. The description of a run has all of them.

    final/... are the headline numbers on the validation and the test part, or else on the training part, those that
    are of no part, and the objective; best/... are the epoch, and the number by which it was chosen.
    """
    names = [name.removeprefix("final/") for name in outcome.metrics if name.startswith("final/")]
    parts = [part for part in ("validation", "test") if any(name.endswith(f"_{part}") for name in names)] or ["train"]
    kept = {name for part in parts for name in headlines(part)}
    kept |= {name for name in names if name.rpartition("_")[2] not in PARTS}
    kept.add(str(outcome.params.get("objective")).replace("/", "_"))
    wanted = {f"final/{name}" for name in kept} | {"best/epoch", f"best/{str(outcome.chosen_by).replace('/', '_')}"}
    of_no_part = {name for name in outcome.metrics if not name.startswith(("final/", "best/"))}
    return {name: value for name, value in outcome.metrics.items() if name in wanted | of_no_part}


def outcome_in(directory: Path) -> Outcome | None:
    """The outcome of the run in a folder; None without one that can be read."""
    try:
        return read_outcome(directory)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def has_model(directory: Path, facts: Facts, outcome: Outcome) -> bool:
    """Whether the network of a run is recorded as a model."""
    there = all((directory / name).exists() for name in (WEIGHTS, SPEC))
    return facts.model and outcome.status in ("finished", "stopped") and there


def _record_tags(facts: Facts, missing: Sequence[str]) -> dict[str, str]:
    """The tags that say what of the run is not in MLflow."""
    left_out = {LEFT_OUT: ", ".join(missing) or "nothing"} if LEFT_OUT in facts.tags else {}
    return {THINNING: rule(facts.points), **left_out}


def missing_of(directory: Path, facts: Facts) -> list[str]:
    """What of the pictures and the model of a job of a sweep is not recorded, and was not declared to be left out."""
    there = {"figures": any(directory.glob("*.png")), "model": facts.model}
    return [name for name in facts.tags.get(LEFT_OUT, "").split(", ") if name and not there[name]]


def tags_of(outcome: Outcome, directory: Path, missing: Sequence[str] = (), said: str = "") -> dict[str, str]:
    """The tags that say how a run ended; `missing` is what was left out, `said` the note that was declared."""
    tags = {f"bpexp.{key}": str(getattr(outcome, key)) for key in ("status", "reason", "theta_sha256", "weights")}
    tags[DESCRIPTION] = note(outcome, said) + "".join(f"\n{_remedy(name, directory)}\n" for name in missing)
    if outcome.status == "diverged":
        tags["diverged_at_step"] = str(outcome.step)
    return {key: text[:5000] for key, text in tags.items()}


def _remedy(name: str, directory: Path) -> str:
    """The command that gives what was left out."""
    task = "task=figures" if name == "figures" else "task=sync tracking.model=true"
    return f"No {name}, as this is one job of a sweep: {code(typed([*task.split(), f'hydra.run.dir={directory}']))}"


def note(outcome: Outcome, said: str = "") -> str:
    """The run in a few lines of Markdown, for MLflow's description; the first lines are always visible there."""
    final = {key.removeprefix("final/"): value for key, value in outcome.metrics.items() if key.startswith("final/")}
    short = [f"{key.replace('_', ' ')} {final[key]:.4f}" for key in headlines("test") if key in final]
    head = f"**{'; '.join([outcome.status, *short])}**: {markdown(outcome.reason)}"
    parts = [head, markdown(said), code(typed(outcome.overrides)), _figures(outcome)]
    return "\n\n".join(part for part in parts if part) + "\n"


def with_charts(content: Content, charts: str) -> Content:
    """The content, with a line of links to charts in its description, behind the first line."""
    head, gap, rest = content.tags.get(DESCRIPTION, "").partition("\n\n")
    if not gap or not charts:
        return content
    return replace(content, tags={**content.tags, DESCRIPTION: f"{head}\n\n{charts}{gap}{rest}"})


def _figures(outcome: Outcome) -> str:
    """The summaries as a table: a column for the saved network, and one for the best epoch where it is another."""
    shown = described_epochs(outcome)
    names = [key.removeprefix("final/") for key in outcome.metrics if key.startswith("final/")]
    if shown:  # other figures, such as averages over the run, are of no epoch
        names = [name for name in names if name.rpartition("_")[2] in PARTS]
    shown = shown or {"final": ""}
    head = ["", *shown.values()]
    rows = [[name.replace("_", " "), *(_cell(outcome, when, name) for when in shown)] for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def _cell(outcome: Outcome, when: str, name: str) -> str:
    value = outcome.metrics.get(f"{when}/{name}")
    return "" if value is None else f"{value:.4f}"


def _last_time(journal: Path) -> int | None:
    """The time of the last complete line of a journal, in ms since 1970; None where there is none."""
    line = last_line(journal)
    return None if line is None else milliseconds(line["time"])
