"""YAML, counted event by event before anything is built of it: size, depth, aliases, tags.

Nine aliases of a list of nine aliases, six times over, are half a million nodes in 200 characters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from bpexp.config.limits import Limits, raised
from bpexp.errors import ConfigError

PLAIN = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
"""The tags of plain values."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Count:
    """The nodes below each open list or mapping, and those of each anchor, which every alias of it repeats."""

    limits: Limits
    file: str
    open: list[tuple[str | None, int]] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    nodes: int = 0

    def add(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > self.limits.nodes:
            told = f"{self.file} holds more than {self.limits.nodes} keys and values, with what its aliases repeat"
            raise ConfigError(f"{told}; {raised('nodes', 10 * self.limits.nodes)}")

    def begin(self, anchor: str | None) -> None:
        self.add(1)
        self.open.append((anchor, self.nodes - 1))
        if len(self.open) > self.limits.depth:
            told = f"{self.file} holds more than {self.limits.depth} lists and mappings inside each other"
            raise ConfigError(f"{told}; {raised('depth', 2 * self.limits.depth)}")

    def end(self) -> None:
        anchor, before = self.open.pop()
        if anchor is not None:
            self.anchors[anchor] = self.nodes - before

    def alias(self, anchor: str | None) -> None:
        if any(name == anchor for name, _ in self.open):
            raise ConfigError(f"{self.file}: *{anchor} is inside of what it repeats; write the values")
        self.add(self.anchors.get(str(anchor), 1))


def values_of(text: str | bytes) -> Any:
    """The content of a YAML text; raises yaml.YAMLError, also for what only looks like a number or a date: 0x_."""
    try:
        return yaml.load(text, Loader=LOADER)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(" ".join(str(error).split())[:200]) from None


def count_nodes(text: str, file: str, limits: Limits) -> int:
    """The keys and values of a YAML text, aliases expanded; `file` names it in messages.

    Raises ConfigError for a text that is not YAML, that holds more or deeper nodes than `limits` allow, that repeats
    itself without end, or a tag of anything but a plain value.
    """
    count = _Count(limits, file)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            _refuse_tag(event, file)
            if isinstance(event, yaml.CollectionStartEvent):
                count.begin(event.anchor)
            elif isinstance(event, yaml.CollectionEndEvent):
                count.end()
            elif isinstance(event, yaml.AliasEvent):
                count.alias(event.anchor)
            elif isinstance(event, yaml.ScalarEvent):
                count.add(1)
                if event.anchor is not None:
                    count.anchors[event.anchor] = 1
                _refuse_long(event, file, limits)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else file
        told = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{where} is not YAML: {told}") from None
    return count.nodes


def _refuse_tag(event: Any, file: str) -> None:
    tag = getattr(event, "tag", None)
    if tag not in (None, "!", *PLAIN):
        shown = str(tag).replace("tag:yaml.org,2002:", "!!")
        raise ConfigError(f"{file}: the tag {shown[:80]!r} is refused: a config holds plain values, it cannot run code")


def _refuse_long(event: Any, file: str, limits: Limits) -> None:
    if len(event.value) > limits.text:
        told = f"{file}, line {event.start_mark.line + 1} holds a text of {len(event.value)} characters"
        raise ConfigError(f"{told}, more than {limits.text}; {raised('text', len(event.value))}")
