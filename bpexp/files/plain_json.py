"""JSON from outside, within bounds on its size, the number of its values and its depth.

Python makes 56 bytes and more of each value that may take two bytes of text. So the values are counted, by the signs
that separate them, before the text is parsed; the parsed content takes at most some 100 bytes for each.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from bpexp.errors import BpexpError, DataError
from bpexp.files.regular import decoded, read_bytes

MOST_BYTES = 16 << 20
"""Largest size of a JSON file."""

MOST_VALUES = 500_000
"""Largest number of values in a JSON text."""

MOST_DEPTH = 64
"""Largest number of lists and mappings within each other."""


class _Refused(ValueError):
    """Something that JSON permits, or Python reads, and that no record holds."""


def read_json(path: Path | str, *, most: int = MOST_BYTES, error: type[BpexpError] = DataError) -> Any:
    """The content of a JSON file of at most `most` bytes: plain dicts, lists, texts, numbers, truth values, None.

    Raises `error`, in one line that names the file, for a file that is missing or not regular, of another encoding than
    UTF-8, too large, too deep, with a key twice, and with NaN or infinity, which JSON does not have.
    """
    return parse_json(read_bytes(path, most, error=error), repr(str(path)), error=error)


def parse_json(content: bytes | str, where: str, *, error: type[BpexpError] = DataError) -> Any:
    """The content of a JSON text; `where` begins the messages, the rest is as in `read_json`."""
    text = decoded(content, where, error=error) if isinstance(content, bytes) else content
    opened = text.count("[") + text.count("{")
    if opened + text.count(",") >= MOST_VALUES:
        raise error(f"{where}: holds too many values; expected fewer than {MOST_VALUES}")
    try:
        found = _DECODER.decode(text)
        if opened > MOST_DEPTH:
            _refuse_depth(found)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise error(f"{where}: has lists in lists; expected at most {MOST_DEPTH} within each other") from None
    except UnicodeEncodeError:
        raise error(f"{where}: holds half of a surrogate pair; expected Unicode text") from None
    except _Refused as problem:
        raise error(f"{where}: {problem}") from None
    except ValueError as problem:
        raise error(f"{where}: is no JSON: {problem}") from None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _Refused(f"has the key {twice[:40]!r} twice; expected each once")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"has the number {name}, which is no JSON; expected a finite number")


def _refuse_depth(found: Any) -> None:
    level = [found]
    for _ in range(MOST_DEPTH):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise RecursionError


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
