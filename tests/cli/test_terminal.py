"""What a person sees when a run or a sweep is over, on terminals of any width."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from rich.console import Console
from synthetic import claim, in_time, points, record, study

import bpexp
from bpexp.cli.outcome_rows import one_line, print_outcome
from bpexp.cli.ranking_table import print_link, print_ranking
from bpexp.cli.study_tables import print_report
from bpexp.cli.sweep_line import sweep_line
from bpexp.records.outcome import Outcome
from bpexp.running.fitting import columns
from bpexp.running.sweep import Sweep
from bpexp.study.origin import Origin
from bpexp.study.ranking import rank
from bpexp.study.report import write_report


def outcome(lr: float, accuracy: float) -> Outcome:
    measured = {
        f"{when}/{key}": accuracy for when in ("final", "best") for key in ("accuracy_validation", "accuracy_test")
    }
    params = {"model": "mnist_sigmoid", "lr": lr, "seed": 0, "objective": "accuracy/validation"}
    return Outcome(
        name=f"lr={lr}",
        directory="/somewhere/far/away",
        status="finished",
        reason="all epochs are done",
        overrides=("model=mnist_sigmoid", f"lr={lr}"),
        params=params,
        seconds=1.0,
        metrics={**measured, "best/epoch": 3.0},
        chosen_by="accuracy/validation",
        theta_sha256="0" * 64,
        run_id="b" * 32,
        experiment_id="1",
        store="sqlite:////somewhere/far/away/mlflow.db",
    )


def of_a_run(**changed: Any) -> Outcome:
    """The outcome of a run whose last epoch is 10 and whose best one is 7."""
    figures = {"accuracy_test": (0.5, 0.75), "loss_test": (1.5, 1.25), "accuracy_validation": (0.4, 0.8)}
    metrics = {f"final/{name}": pair[0] for name, pair in figures.items()}
    metrics |= {f"best/{name}": pair[1] for name, pair in figures.items()} | {"final/epoch": 10.0, "best/epoch": 7.0}
    given = {"metrics": metrics, "step": 250, "model": f"runs:/{'b' * 32}/network"}
    return replace(outcome(0.1, 0.5), **(given | changed))


def screen(width: int) -> Console:
    """A terminal of a width, without colours."""
    return Console(width=width, file=io.StringIO(), highlight=False, force_terminal=True, color_system=None)


def written(console: Console) -> str:
    """What a terminal shows."""
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def ranked(width: int, outcomes: list[Outcome]) -> list[str]:
    """The lines that are printed at the end of a sweep."""
    console = screen(width)
    print_ranking(console, Sweep(Path("/somewhere"), ranking=rank(outcomes, range(len(outcomes)))))
    return written(console).splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_ranking_shows_what_was_swept_at_every_width(width: int) -> None:
    lines = ranked(width, [outcome(0.125, 0.5), outcome(0.25, 0.75)])
    text = "\n".join(lines)
    assert "\u2026" not in text
    assert max(map(len, lines)) <= width
    head = next(line for line in lines if "lr" in line.split())
    assert head.split()[:2] == ["rank", "lr"]
    rows = [line.split() for line in lines if line.split()[1:2] in (["0.25"], ["0.125"])]
    assert [row[:3] for row in rows] == [["1", "0.25", "0.7500"], ["2", "0.125", "0.5000"]]
    assert ("not shown" in text) == (width < 60)
    told = " ".join(text.split())
    assert "all alike best epoch 3, status finished, seconds 1.00" in told


MANY = ("model.depth", "init.gain", "callbacks.early_stopping.patience", "optimizer.momentum", "run_name")


def swept(**given: Any) -> Outcome:
    """The outcome of a run for which much was given."""
    params = {**outcome(0.1, 0.5).params, **given}
    return replace(outcome(0.1, 0.5), params=params, overrides=[f"{key}={value}" for key, value in given.items()])


@pytest.mark.parametrize("width", [40, 60, 80])
def test_more_than_a_table_has_room_for_is_a_list(width: int) -> None:
    """Nothing that was swept is cut or left out, whatever it is."""
    names = ["a name with [bold]markup[/bold] and \x1b[2J an escape", "a name of " + "many " * 20 + "words"]
    made = [swept(**dict(zip(MANY, [2, 0.5, 3, 0.9, name], strict=True))) for name in names]
    made += [swept(**dict(zip(MANY, [8, 20.0, 5, 0.5, name], strict=True))) for name in names]
    text = " ".join(" ".join(ranked(width, made)).split())
    assert "\x1b" not in text
    for values in ("model.depth=2 init.gain=0.5", "model.depth=8 init.gain=20.0"):
        assert f"{values} callbacks.early_stopping.patience=" in text
    assert "run_name=a name with [bold]markup[/bold] and \\x1b[2J an escape" in text
    assert text.count("many many") == 20
    assert "1. 0.5000 model.depth=" in text


def test_columns_of_numbers_stand_before_names_and_hold_few_digits() -> None:
    made = [swept(activation=name, lr=lr) for name in ("sigmoid", "relu") for lr in (0.123456789, 0.3)]
    lines = ranked(80, made)
    assert next(line for line in lines if "activation" in line).split()[:3] == ["rank", "lr", "activation"]
    assert any(line.split()[1:3] == ["0.1235", "relu"] for line in lines)


def test_of_a_thousand_runs_the_best_are_shown() -> None:
    made = [outcome(number / 1000, number / 1000) for number in range(990)]
    made += [replace(outcome(2.0 + number, 0.1), status="failed", reason="no luck") for number in range(10)]
    lines = ranked(80, made)
    assert len(lines) < 60
    assert any(line.split()[:2] == ["1", "0.989"] for line in lines)
    assert "and 970 more rows" in lines
    assert sum("no luck" in line for line in lines) == 8
    assert "             and 2 more; see ranking.csv" in lines


def test_a_sweep_without_a_result_is_told() -> None:
    lines = ranked(60, [replace(outcome(lr, 0.1), status="failed", reason="no luck", metrics={}) for lr in (0.1, 0.2)])
    assert [line for line in lines if "no luck" in line] == [f"problem      job {n} failed: no luck" for n in (0, 1)]
    assert ranked(60, [])[:1] == ["0 runs"]


@pytest.mark.parametrize(
    ("objective", "sort", "ascending"),
    [
        ("accuracy/validation", "accuracy_validation", "false"),
        ("loss/validation", "loss_validation", "true"),
        ("r2/test", "r2_test", "false"),
    ],
)
def test_the_link_of_a_sweep_sorts_by_what_ranks_it(objective: str, sort: str, ascending: str) -> None:
    console = screen(80)
    metrics = {f"final/{objective.replace('/', '_')}": 0.5}
    made = [replace(outcome(0.1, 0.5), metrics=metrics, params={"objective": objective}, chosen_by=objective)]
    sweep = Sweep(Path("/here"), ranking=rank(made, [0]), experiment_id="7", store="https://mlflow.example:8080/")
    print_link(console, sweep)
    label, address = written(console).splitlines()
    assert (label, address.partition("/#/")[0]) == ("look at it", "https://mlflow.example:8080")
    assert f"orderByKey=metrics.%60final%2F{sort}%60&orderByAsc={ascending}&" in address
    assert "bpexp.ui" not in written(console)


def test_the_link_of_a_sweep_opens_its_own_runs() -> None:
    """It listed all runs of the experiment, in which those of a sweep were hard to find."""
    console = screen(80)
    parent = "c" * 32
    print_link(console, Sweep(Path("/here"), experiment_id="7", store="https://mlflow.example", parent=parent))
    assert f"searchFilter=tags.%60mlflow.parentRunId%60+%3D+%27{parent}%27" in written(console).splitlines()[-1]


@pytest.mark.parametrize("width", [40, 80])
def test_the_link_of_a_run_is_never_cut(width: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It stands on a line of its own, below the command that makes it work, which names a store that lies elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    console = screen(width)
    print_outcome(console, outcome(0.1, 0.5))
    lines = written(console).splitlines()
    address = f"http://127.0.0.1:5000/#/experiments/1/runs/{'b' * 32}/model-metrics?workflowType=machine_learning"
    assert lines[-1] == address
    told = " ".join(" ".join(lines[:-1]).split())
    assert told.endswith("look at it python -m bpexp.ui --uri sqlite:////somewhere/far/away/mlflow.db, then")
    print_outcome(console := screen(width), replace(outcome(0.1, 0.5), store=f"sqlite:///{tmp_path}/mlflow.db"))
    assert written(console).splitlines()[-2:] == ["look at it     python -m bpexp.ui, then", address]


def test_a_terminal_that_has_links_gets_one_to_click_at() -> None:
    address = f"http://127.0.0.1:5000/#/experiments/1/runs/{'b' * 32}/model-metrics?workflowType=machine_learning"
    for colours, there in (("256", True), ("standard", False)):
        file = io.StringIO()
        console = Console(width=40, file=file, force_terminal=True, color_system=colours, legacy_windows=False)
        print_outcome(console, outcome(0.1, 0.5))
        assert (f";{address}\x1b\\{address}\x1b]8;;" in file.getvalue()) == there
        assert address in file.getvalue()


@pytest.mark.parametrize("width", [40, 60])
def test_no_line_of_an_outcome_breaks_within_a_word(width: int) -> None:
    """Only what is longer than a line does, and begins one."""
    lines = told(width, name="mnist_relu lr=0.1 epochs=30 optimizer=adam", directory="/somewhere/" + "far/" * 20)
    long = [line for line in lines if len(line) > width]
    assert all(line.startswith(("/somewhere/far", "http://127", "runs:/", "sqlite:////")) for line in long)
    assert any(line.startswith("status         finished: all epochs are") for line in lines)


def test_the_outcome_in_one_line() -> None:
    made = of_a_run()
    figures = "last epoch (10): test accuracy 0.5000, test loss 1.5000"
    assert one_line(made) == f"finished: all epochs are done; {figures}; /somewhere/far/away"
    failed = replace(made, status="failed", reason="no luck", metrics={})
    assert one_line(failed) == "failed: no luck; /somewhere/far/away"


def test_a_terminal_of_a_few_columns_ends_nothing() -> None:
    for width in (1, 13, 20):
        assert "finished:" in " ".join(told(width))
        assert "0.9" in " ".join(ranked(width, [outcome(0.1, 0.9), outcome(0.2, 0.5)]))


@pytest.mark.parametrize("width", [40, 160])
def test_a_run_that_fails_before_its_first_epoch_is_told(width: int) -> None:
    lines = told(width, status="failed", reason="DataError: [no] luck", metrics={}, model=None)
    assert "status         failed: DataError: [no]" in "\n".join(lines)


def told(width: int, **changed: Any) -> list[str]:
    """The lines that are printed at the end of a run."""
    console = screen(width)
    print_outcome(console, of_a_run(**changed))
    return written(console).splitlines()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_figure_stands_below_its_epoch(width: int) -> None:
    lines = told(width)
    place = next(i for i, line in enumerate(lines) if "last epoch" in line)
    assert lines[place : place + 4] == [
        "               last epoch (10)  best epoch (7)",
        "test accuracy  0.5000           0.7500",
        "test loss      1.5000           1.2500",
        "best epoch     7, by accuracy/validation 0.8000",
    ]
    assert "network        last epoch's weights; the best epoch's beside" in lines
    assert f"model runs:/{'b' * 32}/network" in " ".join(" ".join(lines).split())
    assert max(map(len, lines[place : place + 4])) <= 60


def test_restored_weights_are_named() -> None:
    best = {f"{when}/accuracy_test": 0.75 for when in ("final", "best")}
    best |= {"final/epoch": 7.0, "best/epoch": 7.0, "best/accuracy_validation": 0.8}
    lines = told(80, weights="best", metrics=best)
    assert "               restored best epoch (7)" in lines
    assert "test accuracy  0.7500" in lines
    assert "network        best epoch's weights; the last epoch's beside" in lines


def test_weights_that_were_not_evaluated_are_named() -> None:
    lines = told(80, weights="unevaluated", step=263)
    assert "               last evaluated epoch (10)  best epoch (7)" in lines
    assert "network        as after 263 steps, which was not evaluated" in lines


def test_a_best_epoch_that_the_test_part_chose_is_said_to_flatter() -> None:
    assert "flatters" not in "".join(told(80))
    lines = told(100, chosen_by="accuracy/test")
    assert "best epoch     7, by accuracy/test 0.7500; no validation part, so that figure flatters" in lines


def test_without_a_test_part_the_validation_part_is_shown() -> None:
    metrics = {"final/accuracy_validation": 0.25, "final/epoch": 3.0}
    assert "validation accuracy 0.2500" in told(80, metrics=metrics)


def test_a_ranking_says_of_which_epochs_its_columns_are() -> None:
    console = screen(160)
    ranking = rank([of_a_run(), of_a_run(weights="best")], [0, 1])
    print_ranking(console, Sweep(Path("/somewhere"), ranking=ranking))
    meaning = "final: the last epoch or the restored best epoch; best: the epoch that is best by accuracy/validation"
    assert meaning in written(console)
    assert f"best model   runs:/{'b' * 32}/network\n" in written(console)
    assert ranking.columns[-4:] == ["final epoch", "best epoch", "weights", "seconds"]
    assert [row[-4:-1] for row in ranking.rows] == [["10", "7", "last"], ["10", "7", "best"]]


def test_the_versions_are_printed_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["--version"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert (out.startswith(f"bpexp {bpexp.__version__} (numpy "), err) == (True, "")


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_the_arms_of_a_study_are_readable_at_every_width(width: int, tmp_path: Path) -> None:
    """Every factor, the chosen level and the first measure stand there in full; what does not fit is named."""
    console = screen(width)
    until = "epochs until accuracy/test >= 0.9"
    design = study(measures=["final accuracy/test", "final loss/test", until])
    made = [record({**p, "epochs": 2}, accuracy=0.5, validation=0.5, loss=1.0) for p in points(design)]
    print_report(console, write_report(design, made, tmp_path, Origin(["by hand"]), in_time(design)), None)
    text = written(console)
    assert "\u2026" not in text
    assert "sigmoid" in text
    assert "0.5 [0.5, 0.5]" in " ".join(text.split())
    assert ("not shown" in text) == (width < 80)
    assert width < 80 or "never" in text
    assert "all alike    best lr 0.1" in text
    assert max(map(len, text.splitlines())) <= max(width, len(str(tmp_path / "report.html")))


def test_what_the_command_line_set_of_a_study_stands_beside_its_verdicts(tmp_path: Path) -> None:
    """A verdict on other data than a claim speaks of says so on the screen, as in the report."""
    console, design = screen(100), study(measures=["final accuracy/test"])
    made = [record({**p, "epochs": 2}, accuracy=0.5, validation=0.5, loss=1.0) for p in points(design)]
    standing = replace(in_time(design), narrowing=["data=digits"])
    print_report(console, write_report(design, made, tmp_path, Origin(["by hand"]), standing), None)
    assert "note         set on the command line: data=digits" in written(console)


@pytest.mark.parametrize(
    ("measures", "sort"),
    [
        (["final loss/test", "final accuracy/test"], "final%2Floss_test%60&orderByAsc=true"),
        (["first grad_norm/W1", "final loss/test"], "final%2Faccuracy_validation%60&orderByAsc=false"),
    ],
)
def test_the_link_of_a_study_sorts_by_its_first_measure_if_the_store_has_it(
    measures: list[str], sort: str, tmp_path: Path
) -> None:
    console, design = screen(100), study(measures=measures)
    made = [record({**p, "epochs": 2}, accuracy=0.5, validation=0.5, loss=1.0) for p in points(design)]
    sweep = Sweep(tmp_path, ranking=rank([outcome(0.1, 0.5)], [0]), experiment_id="7", store="https://mlflow.example")
    print_report(console, write_report(design, made, tmp_path, Origin(["by hand"]), in_time(design)), sweep)
    assert sort in written(console).splitlines()[-1]
    judged = "best" if measures[0].endswith("test") else "largest"
    assert f"{judged} first by {measures[0]}" in written(console)  # no norm of a gradient is better than another


def test_a_study_without_progress_tells_the_answers_to_its_claims_in_one_line(tmp_path: Path) -> None:
    held = claim(of={"activation": "relu"}, above=0.4)
    design = study(claims=[held, {**held, "above": 0.6}])
    made = [record({**p, "epochs": 2}, accuracy=0.5, validation=0.5, loss=1.0) for p in points(design)]
    report = write_report(design, made, tmp_path, Origin(["by hand"]), in_time(design))
    told = "claims: 2 inconclusive"  # all runs are equal, which decides nothing
    assert sweep_line(Sweep(tmp_path, report=report), frozenset()) == f"0 of 0 jobs have a result; {told}; {tmp_path}"


def test_a_run_without_progress_prints_its_outcome_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["data=xor", "model.hidden=[3]", "epochs=1", "tracking=none", "progress=false", "hydra.run.dir=here"]
    assert command(words, monkeypatch) == 0
    out, err = capfd.readouterr()
    assert err == ""
    figures = r"last epoch \(1\): test accuracy \d\.\d{4}, test loss \d\.\d{4}"
    assert re.fullmatch(rf"finished: all epochs are done; {figures}; {re.escape(str(tmp_path / 'here'))}\n", out)


def probed(deltas: list[float], folder: Path, width: int = 200) -> list[str]:
    """The rows about the gradient of a run that was probed at steps 4 and 9, by the deltas of its layers."""
    norms = {
        f"delta_norm/layer_{number}": delta if math.isfinite(delta) else str(delta)
        for number, delta in enumerate(deltas, start=1)
    }
    lines = [{"step": 0, "metrics": {"loss/test": 1.0}}, {"step": 4, "metrics": norms}, {"step": 9, "metrics": {}}]
    text = "".join(json.dumps({"time": 1.0, **line}) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    said = told(width, directory=str(folder))
    begin = next((at for at, line in enumerate(said) if line.startswith("gradient")), len(said))
    end = next((at for at, line in enumerate(said) if line.startswith("look at it")), len(said))
    assert max(map(columns, said[begin:end]), default=0) <= width
    return [line[15:] for line in said[begin:end]]


def test_a_gradient_that_vanishes_is_seen_in_the_table_of_the_run(tmp_path: Path) -> None:
    """The norms of delta at the first step that was probed, from the output down, with bars in proportion to them."""
    bar = "\u2588"
    assert probed([0.002, 0.25, 0.5], tmp_path) == [
        "delta (dC/dz) at step 4: layer 1 gets 0.004 times layer 3's",
        f"layer 3  0.5    {bar * 30}",
        f"layer 2  0.25   {bar * 15}",
        "layer 1  0.002",
    ]
    assert not probed([0.5, 1.0], tmp_path)


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_of_many_layers_both_ends_are_shown(width: int, tmp_path: Path) -> None:
    rows = probed([10.0**-power for power in range(20)], tmp_path, width)
    numbers = [*range(20, 14, -1), *range(6, 0, -1)]
    shown = [row for row in rows if re.match(r"layer \d+ +\d\S*( +\u2588+)?$", row)]
    assert [int(row.split()[1]) for row in shown] == numbers
    assert "..." in rows


@pytest.mark.parametrize("deltas", [[math.nan, 1.0, 1.0], [1.0, math.inf, math.nan], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
def test_a_gradient_that_cannot_be_compared_is_told_without_a_share(deltas: list[float], tmp_path: Path) -> None:
    rows = probed(deltas, tmp_path)
    assert rows[0] == "delta (dC/dz) at step 4"
    assert [row.split()[2] for row in rows[1:]] == [f"{delta:.2g}" for delta in reversed(deltas)]
