"""Search for secrets: in every file below a folder, in archives, in what was printed, in the commands of children."""

from __future__ import annotations

import base64
import gzip
import io
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil


def forms(secret: str, user: str = "me") -> list[bytes]:
    """A secret as it may be written: as it is, percent-encoded, escaped as in JSON, in base64 and as Basic login."""
    plain = {secret, quote(secret, safe=""), quote(secret), secret.encode("unicode_escape").decode()}
    login = base64.b64encode(f"{user}:{secret}".encode()).decode().rstrip("=")
    return [form.encode() for form in {*plain, base64.b64encode(secret.encode()).decode().rstrip("="), login}]


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and those of the members of an archive."""
    with suppress(OSError):
        whole = path.read_bytes()
        yield whole
        with suppress(OSError, EOFError, gzip.BadGzipFile):
            yield gzip.decompress(whole)
        if zipfile.is_zipfile(io.BytesIO(whole)):
            with zipfile.ZipFile(io.BytesIO(whole)) as archive:
                yield from (archive.read(name) for name in archive.namelist())


def found_in_files(folder: Path, secrets: Iterable[str], own: Iterable[Path] = ()) -> list[str]:
    """Where one of the secrets is, in a name or in a content; `own` are the files in which a person wrote them."""
    wanted, left_out = [form for secret in secrets for form in forms(secret)], set(own)
    paths = [path for path in folder.rglob("*") if path not in left_out]
    hits = [f"name {path}" for path in paths if any(form in str(path).encode() for form in wanted)]
    for path in (path for path in paths if path.is_file()):
        hits += [f"{path}: {form.decode()}" for form in wanted if any(form in content for content in contents(path))]
    return hits


def found_in_text(text: str, secrets: Iterable[str]) -> list[str]:
    """The lines of a text that hold one of the secrets."""
    wanted = [form.decode() for secret in secrets for form in forms(secret)]
    return [line for line in text.splitlines() if any(form in line for form in wanted)]


class Commands:
    """The command lines of all children of a process, looked at as `ps` does until the block ends."""

    def __init__(self, process: int) -> None:
        self._process, self._over = psutil.Process(process), threading.Event()
        self.seen: set[str] = set()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Commands:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            with suppress(psutil.Error):
                typed = self._process.cmdline()  # a child has the command of its parent until it is its own
                for child in self._process.children(recursive=True):
                    with suppress(psutil.Error):
                        if (line := child.cmdline()) != typed:
                            self.seen.add(" ".join(line))
