"""What a search found in words and as rows: for MLflow's parent run and for the terminal."""

from __future__ import annotations

import re

from bpexp.records.escaping import code, markdown, markdown_row
from bpexp.search.confirmation import Confirmation
from bpexp.search.declared import Search
from bpexp.search.found import Found, Tried

ONCE = "one run each, on the part of the data that chose the best: search.confirm=5 compares it with the preset"

SHOWN = 20
"""Trials of a front that are listed."""


def plain_name(key: str) -> str:
    """A key of an override, such as +callbacks.mine.x, as MLflow takes it in names of parameters and metrics."""
    return re.sub(r"[^\w./-]", "_", key.lstrip("+"), flags=re.ASCII)


def params(search: Search) -> dict[str, str]:
    """The declaration as parameters of the parent run; the number of trials, which may grow, is none of them."""
    told = {"search": search.sampler, "search.seed": str(search.seed)}
    told |= {"search.pruner": search.pruner, "search.objectives": ", ".join(search.objectives)}
    return told | {f"space.{plain_name(dimension.key)}": str(dimension) for dimension in search.space}


def metrics(found: Found, confirmed: Confirmation | None = None) -> dict[str, float]:
    """Numbers of the whole search: trials by state, the best values, and importances."""
    states = ("complete", "diverged", "pruned", "failed")
    told = {f"trials/{state}": float(found.count(state)) for state in states}
    told["search/trials"] = float(found.search.trials)
    if found.best is not None:
        told |= {"search/best_trial": float(found.best.number)}
    for row in confirmed.rows if confirmed else ():
        gap, below = row.difference, f"confirm/{row.measure.replace('/', '_')}"
        told |= {
            f"{below}_difference": gap.mean,
            f"{below}_low": gap.low,
            f"{below}_high": gap.high,
            f"{below}_p": row.p,
        }
    for name, shares in found.importance.items():
        below = "" if len(found.importance) == 1 else f"{name.replace('/', '_')}/"
        told |= {f"importance/{below}{plain_name(key)}": share for key, share in shares.items()}
    return told


def series(found: Found) -> dict[str, list[tuple[int, float]]]:
    """The value of every complete trial, and the best so far, by the number of the trial."""
    told = {"search/best_value": found.best_so_far()}
    for place, name in enumerate(found.search.objectives):
        told[f"search/{name.replace('/', '_')}"] = [
            (t.number, t.values[place]) for t in found.trials if t.state == "complete"
        ]
    return told


def headline(found: Found) -> str:
    """The search in a line."""
    counts = [f"{found.count(state)} {state}" for state in ("complete", "diverged", "pruned", "failed", "unfinished")]
    told = ", ".join(text for text in counts if not text.startswith("0 "))
    return f"{len(found.trials)} trials of search={found.search.sampler}: {told or 'none'}"


def best_line(found: Found) -> str:
    """The best trial as overrides, with its value; of two objectives the size of the front and its trials."""
    if found.best is None:
        return "no trial is complete"
    if len(found.search.objectives) > 1:
        numbers = ", ".join(str(trial.number) for trial in found.front[:SHOWN]) + ", ..." * (len(found.front) > SHOWN)
        told = f"trials that no other one beats in both {' and '.join(found.search.objectives)}"
        return f"{len(found.front)} {told}: {numbers}"
    return (
        f"trial {found.best.number}, {found.search.objectives[0]} {found.best.values[0]:.4g}: {overrides(found.best)}"
    )


def overrides(trial: Tried) -> str:
    """The values of a trial as they are typed."""
    return " ".join(f"{key}={text}" for key, text in trial.said.items())


def importance_lines(found: Found) -> list[str]:
    """Which keys mattered, a line for each objective."""
    return [
        f"{name}: " + ", ".join(f"{key} {share:.2f}" for key, share in shares.items())
        for name, shares in found.importance.items()
        if shares
    ]


def unconfirmed(found: Found) -> bool:
    """Whether there is a best trial that nothing compared with the preset."""
    return found.best is not None and not found.search.confirm and len(found.search.objectives) == 1


def note(found: Found, confirmed: Confirmation | None = None) -> str:
    """The search in Markdown, for MLflow's description; the first lines are always visible there."""
    lines = [f"**{markdown(headline(found))}**", "", f"best: {markdown(best_line(found))}"]
    lines += [f"importance (fANOVA), {markdown(line)}" for line in importance_lines(found)]
    if confirmed is not None:
        lines += ["", f"**{markdown(confirmed.verdict())}**"]
    elif unconfirmed(found):
        lines += ["", markdown(ONCE)]
    lines += ["", markdown_row(["searched", "range"]), "| --- | --- |"]
    lines += [markdown_row([dimension.key, str(dimension)]) for dimension in found.search.space]
    if found.front:
        lines += ["", markdown_row(["trial", *found.search.objectives, "overrides"])]
        lines += ["|" + " --- |" * (2 + len(found.search.objectives))]
        lines += [
            markdown_row([str(t.number), *(f"{value:.4g}" for value in t.values), code(overrides(t))])
            for t in found.front[:SHOWN]
        ]
    return "\n".join(lines)
