"""The space of a search out of Hydra's own grammar: a dimension for each override that has several values.

`interval(a,b)` is any number from a to b, `range(a,b,step)` the numbers of a grid, `choice(x,y)` and `x,y` are choices,
and `tag(log, ...)` makes a range logarithmic. A parameter of an option, such as optimizer.momentum, is tried with those
choices of its group that take it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep

from bpexp.config.groups import GROUPS
from bpexp.config.limits import Limits
from bpexp.config.overrides import FILES, FIXED, OF_A_SWEEP, levels
from bpexp.config.schema import key_type
from bpexp.config.spelling import spelled
from bpexp.config.validation import parameter_at
from bpexp.errors import ConfigError
from bpexp.registry import HUGE, Parameter, fits
from bpexp.search.space import Dimension, ordered, spelled_number

SEEDS = ("seed",)
"""Keys by which a search would choose luck."""

COMPARED = ("data", "data.validation", "data.test", "data.limit", "data.n", "data.path", "evaluation", "objective")
"""Keys that decide on what a trial is judged."""

OUTSIDE = (
    *(*FIXED, *OF_A_SWEEP, "search", "tracking", "limits", "hydra", "progress", "run_name", "threads", "sample"),
    *("doctor", "explore", "run", "checkpoint"),
)
"""Roots of the keys that belong to a whole command, or change no result."""

COSTS = ("loss", "pairing", "model")
"""Roots of the keys that may change the cost, so that costs of two trials cannot be compared."""

LOG = "log"


def space_of(overrides: Sequence[Override], objectives: Sequence[str], limits: Limits) -> tuple[Dimension, ...]:
    """The dimensions of overrides that each have several values; raises ConfigError for one that cannot be searched."""
    for override in overrides:
        _refuse_key(override, objectives)
    dimensions = [_dimension(override, limits) for override in overrides]
    named = {d.key: _options(override) for d, override in zip(dimensions, overrides, strict=True) if d.key in GROUPS}
    return ordered([_conditional(dimension, named) for dimension in dimensions])


def searched(override: Override) -> bool:
    """Whether an override names several values."""
    return bool(override.is_sweep_override())


def spelled_dimension(key: str, value: Any) -> str:
    """An entry of search.space as an override; a list is a choice."""
    if isinstance(value, list):
        return f"{key}=choice({','.join(spelled(level) for level in value)})"
    return f"{key}={value if isinstance(value, str) else spelled(value)}"


def _refuse_key(override: Override, objectives: Sequence[str]) -> None:
    key, root = override.key_or_group, override.key_or_group.replace("/", ".").partition(".")[0]
    if key in SEEDS:
        raise ConfigError(
            f"{override.input_line} cannot be searched: the best seed is luck; search.confirm=5 runs the best trial "
            "again on seeds that the search has not used"
        )
    if root in OUTSIDE:
        raise ConfigError(f"{override.input_line} cannot be searched: it is the same for all trials; use one value")
    if key in COMPARED or (root in COMPARED and root != "data"):
        raise ConfigError(f"{override.input_line} cannot be searched: trials would be judged on different data")
    if root in COSTS and key != "model.name" and not key.startswith("model."):
        cost = next((name for name in objectives if name.startswith("loss/")), None)
        if cost is not None:
            raise ConfigError(
                f"{override.input_line} cannot be searched by {cost}: costs of different losses cannot be compared; "
                "say objective=accuracy/validation"
            )


def _dimension(override: Override, limits: Limits) -> Dimension:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return _interval(override, value)
    if isinstance(value, RangeSweep):
        return _range(override, value)
    if isinstance(value, ChoiceSweep) and value.tags:
        raise _unknown_tag(override, sorted(value.tags)[0], "a choice takes no tag")
    key = override.get_key_element()
    found = levels(override, limits)
    if len(found) == 1:
        raise _one_value(override, found[0])
    return Dimension(key, "choice", choices=tuple(text.removeprefix(f"{key}=") for text in found))


def _interval(override: Override, value: IntervalSweep) -> Dimension:
    if value.start is None or value.end is None:
        raise ConfigError(f"{override.input_line} lacks an end; write {override.key_or_group}=interval(LOW,HIGH)")
    low, high = value.start, value.end
    _refuse_ends(override, low, high)
    return _numbers(override, low, high, None, _is_log(override, value.tags, low, high))


def _range(override: Override, value: RangeSweep) -> Dimension:
    """The numbers of range(start, stop, step), which does not reach its stop."""
    start, stop, step = value.start or 0, value.stop or 0, value.step
    if not all(map(math.isfinite, (start, stop, step))) or step == 0:
        raise ConfigError(f"{override.input_line} has no end; write range(START,STOP,STEP) with a STEP that gets there")
    number = math.ceil((stop - start) / step - 1e-9)
    if number < 1:
        raise ConfigError(f"{override.input_line} is empty; write range(START,STOP,STEP) with numbers in it")
    last = start + (number - 1) * step
    low, high, step = min(start, last), max(start, last), abs(step)
    if low == high:
        raise _one_value(override, f"{override.get_key_element()}={spelled_number(low)}")
    log = _is_log(override, value.tags, low, high)
    if log and not (step == 1 and _whole(low, high)):
        raise ConfigError(f"{override.input_line}: a logarithmic range has whole numbers and step 1; use interval")
    return _numbers(override, low, high, step, log)


def _refuse_ends(override: Override, low: float, high: float) -> None:
    if not (abs(low) < HUGE and abs(high) < HUGE):
        raise ConfigError(f"{override.input_line} is infinite; write interval(LOW,HIGH) with two finite numbers")
    if low > high:
        raise ConfigError(f"{override.input_line} is empty; write interval(LOW,HIGH) with LOW below HIGH")
    if low == high:
        raise _one_value(override, f"{override.get_key_element()}={spelled_number(low)}")


def _one_value(override: Override, fixed: str) -> ConfigError:
    return ConfigError(f"{override.input_line} holds one value, which leaves nothing to search; write {fixed}")


def _is_log(override: Override, tags: set[str], low: float, high: float) -> bool:
    if other := sorted(set(tags) - {LOG}):
        raise _unknown_tag(override, other[0], "the one that has a meaning is log")
    if LOG in tags and low <= 0:
        what = "includes 0" if high >= 0 else "lies below 0"
        raise ConfigError(f"{override.input_line}: a logarithmic range that {what} has no end; begin it above 0")
    return LOG in tags


def _unknown_tag(override: Override, tag: str, told: str) -> ConfigError:
    return ConfigError(f"{override.input_line}: the tag {tag!r} has no effect here; {told}")


def _numbers(override: Override, low: float, high: float, step: float | None, log: bool) -> Dimension:
    """A range of numbers of the type of its key; raises ConfigError where the key takes none, or not these.

    Hydra reads the ends of an interval as floats: those of 8 and 64 are the whole numbers that a key may want.
    """
    key, parameter = override.get_key_element(), _parameter(override)
    whole = _whole(low, high, step or 1)
    integers = isinstance(low, int) and isinstance(high, int) and isinstance(step or 1, int)
    if parameter is not None:
        integers = not fits(0.5, parameter.hint)
        if not fits(1, parameter.hint) and integers:
            raise ConfigError(
                f"{override.input_line}: {key} takes no numbers; list its values, as in {key}=choice(A,B)"
            )
        if integers and not whole:
            raise ConfigError(
                f"{override.input_line}: {key} takes whole numbers; write {key}={_rounded(low, high, step)}"
            )
        for end in (low, high):
            parameter.validate(int(end) if integers else end, key)
    if integers:
        return Dimension(key, "int", int(low), int(high), None if step == 1 else step, log)
    return Dimension(key, "float", float(low), float(high), step and float(step), log)


def _whole(*numbers: float) -> bool:
    return all(float(number).is_integer() for number in numbers)


def _rounded(low: float, high: float, step: float | None) -> str:
    """The whole numbers of a range, as it is to be typed."""
    if step is None:
        return f"interval({math.ceil(low)},{math.floor(high)})"
    return f"range({math.ceil(low)},{math.floor(high) + 1})"


def _parameter(override: Override) -> Parameter | None:
    """The declaration of a key; None where the schema leaves it open. Raises ConfigError for a group."""
    path = override.key_or_group
    if path in GROUPS or path in FILES:
        raise ConfigError(f"{override.input_line}: {path} is chosen by name; list them, as in {path}=choice(NAME,NAME)")
    declared = parameter_at(path)
    if declared is not None:
        return declared
    hint = key_type(path)
    return None if hint is None else Parameter(path, hint, None, "")


def _options(override: Override) -> dict[str, str]:
    """The name of the option that each choice of a group stands for; a choice may be a mapping with a name."""
    key = override.get_key_element()
    texts = [f"{text}" for text in override.sweep_string_iterator()]
    values = [value.get("name") if isinstance(value, dict) else value for value in override.sweep_iterator()]
    return {text.removeprefix(f"{key}="): str(value) for text, value in zip(texts, values, strict=True)}


def _conditional(dimension: Dimension, named: Mapping[str, Mapping[str, str]]) -> Dimension:
    """The dimension, bound to those choices of its group that take it; raises ConfigError where none does."""
    group, _, name = dimension.key.lstrip("+").partition(".")
    if group not in named or not name:
        return dimension
    taking = tuple(text for text, option in named[group].items() if _takes(group, option, name))
    if not taking:
        listed = ", ".join(named[group].values())
        raise ConfigError(f"{dimension.key} is a parameter of none of the choices of {group}: {listed}; leave it out")
    return dimension if len(taking) == len(named[group]) else replace(dimension, of=group, options=taking)


def _takes(group: str, option: str, name: str) -> bool:
    return option in GROUPS[group].registry and name in GROUPS[group].parameters(option)
