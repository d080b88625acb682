"""Words that fit into a line of a terminal: those that a narrow one goes without leave in a declared order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GAP = "  "
"""What stands between two words."""


def fitted(words: Mapping[str, str], leaving: Sequence[tuple[str, str]], width: int) -> str:
    """The words in their order, in `width` columns if that can be.

    Each step of `leaving` names a word and what stands in its place, mostly nothing; only as many steps are taken, from
    the first on, as the line needs.
    """
    kept = dict(words)
    for name, shorter in leaving:
        if columns(joined(kept)) <= width:
            break
        if kept.get(name):
            kept[name] = shorter
    return joined(kept)


def joined(words: Mapping[str, str]) -> str:
    """The words that are not empty, in their order."""
    return GAP.join(word for word in words.values() if word)


def columns(text: str) -> int:
    """Columns of a terminal that a text takes, in which a Chinese letter takes two."""
    if text.isascii():
        return len(text)
    from rich.text import Text

    return Text(text).cell_len


def number(value: float) -> str:
    """A measure with four digits behind the point; one that is very small or large, in powers of ten."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"
