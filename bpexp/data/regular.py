"""Regular files, by the names that `config` has for them."""

from __future__ import annotations

from bpexp.files.regular import is_regular, open_regular, size_of
from bpexp.files.regular import read_bytes as read_regular

__all__ = ["is_regular", "open_regular", "read_regular", "size_of"]
