"""What is printed at the end of a run: how it ended, its figures and the weights they are of, and where files lie."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from pathlib import Path

from rich.console import Console

from bpexp.cli.delta_rows import delta_rows
from bpexp.cli.rows import link, row
from bpexp.records.journal import JOURNAL
from bpexp.records.outcome import Outcome, described_epochs
from bpexp.running.fitting import number
from bpexp.tracking.links import run_page
from bpexp.training.metrics import headlines

COLOURS = {"finished": "", "stopped": "", "pruned": "", "diverged": "magenta"}
"""The colours of a status; of any other it is red. Yellow and green letters cannot be read on a white terminal."""

SHOWN = ("test", "validation", "train")
"""The parts of the data, of which the first that was measured is shown."""


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print a table of status, figures, files and store of a run, and the link to its page."""
    figures = _figures(outcome)
    width = max([15, *(len(label) + 1 for label in figures)])
    row(console, "run", outcome.name, width=width)
    row(console, "status", f"{outcome.status}: {outcome.reason}", COLOURS.get(outcome.status, "red"), width=width)
    for line in _lines(outcome, figures, console.width - width):
        row(console, *line, width=width)
    for label, told in _facts(outcome):
        row(console, label, told, width=width)
    mark = "#" if console.options.ascii_only else "\u2588"
    for at, told in enumerate(delta_rows(Path(outcome.directory) / JOURNAL, console.width - width, mark)):
        row(console, "" if at else "gradient", told, width=width)
    if outcome.run_id and outcome.experiment_id and outcome.store:
        link(console, outcome.store, run_page(outcome.experiment_id, outcome.run_id), width=width)


def one_line(outcome: Outcome) -> str:
    """How a run ended, its headline figures of the weights that it saved, and its folder."""
    figures = ", ".join(f"{label} {values[0]}" for label, values in _figures(outcome).items())
    told = f"{described_epochs(outcome)['final']}: {figures}" if figures else ""
    parts = [f"{outcome.status}: {outcome.reason}", told, outcome.directory]
    return "; ".join(part for part in parts if part)


def _facts(outcome: Outcome) -> list[tuple[str, str]]:
    """What is told below the figures."""
    metrics, rows = outcome.metrics, []
    if "best/epoch" in metrics and outcome.chosen_by:
        chosen = number(metrics[f"best/{outcome.chosen_by.replace('/', '_')}"])
        by = "" if outcome.chosen_by.endswith("/validation") else "; no validation part, so that figure flatters"
        rows.append(("best epoch", f"{metrics['best/epoch']:.0f}, by {outcome.chosen_by} {chosen}{by}"))
    rows.append(("time", f"{outcome.seconds:.1f} s of training"))
    rows += _engine(outcome)
    rows += [("network", text) for text in _network(outcome)]
    rows.append(("files", outcome.directory))
    recorded = outcome.run_id and outcome.experiment_id and outcome.store
    rows += [("recorded in", str(outcome.store))] if recorded else []
    return rows + ([("model", outcome.model)] if outcome.model else [])


def _engine(outcome: Outcome) -> list[tuple[str, str]]:
    """What computed the steps, where it is not NumPy or was asked for."""
    ran = str(outcome.params.get("engine", "numpy"))
    if ran != "numpy":
        return [("engine", f"{ran}, compiled steps")]
    return [("engine", ran)] if any(word.startswith("engine=") for word in outcome.overrides) else []


def _figures(outcome: Outcome) -> dict[str, list[str]]:
    """The headline figures by their labels, one for each of the described epochs."""
    shown = described_epochs(outcome)
    part = next((p for p in SHOWN if any(f"final/{key}" in outcome.metrics for key in headlines(p))), None)
    if part is None or not shown:
        return {}
    keys = [key for key in headlines(part) if f"final/{key}" in outcome.metrics]
    names = {key: f"{part} {key.removesuffix(f'_{part}').replace('_', ' ')}" for key in keys}
    return {names[key]: [number(outcome.metrics[f"{when}/{key}"]) for when in shown] for key in keys}


def _lines(outcome: Outcome, figures: dict[str, list[str]], room: int) -> list[tuple[str, str]]:
    """The figures in columns, below the words that say of which epoch they are, in as many lines as `room` demands."""
    if not figures:
        return []
    heads = list(described_epochs(outcome).values())
    most = max(10, room // len(heads) - 2)
    broken = [textwrap.wrap(head, most) for head in heads]
    width = max(len(line) for lines in broken for line in lines) + 2
    above = [("", "".join(f"{line:<{width}}" for line in lines)) for lines in zip_longest(*broken, fillvalue="")]
    return above + [(label, "".join(f"{value:<{width}}" for value in values)) for label, values in figures.items()]


def _network(outcome: Outcome) -> list[str]:
    """Which weights network.npz holds, where it is not the last epoch's alone."""
    if outcome.weights == "unevaluated":
        return [f"as after {outcome.step} steps, which was not evaluated"]
    if outcome.weights == "best":
        return ["best epoch's weights; the last epoch's beside"]
    return ["last epoch's weights; the best epoch's beside"] if len(described_epochs(outcome)) > 1 else []
