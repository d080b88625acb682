"""The YAML files of the components: `python -m bpexp.config.option_files` writes those that are missing or out of date.

The file of a component states what its factory declares: name, defaults, and the meaning of each parameter. The tests
verify every file; a plug-in needs none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bpexp.config.groups import GROUPS, config_folder


def option_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Path and content of the file of every component; an output that is an activation shares the activation's."""
    for group in GROUPS.values():
        for option in group.registry:
            if group.name != "output" or option not in GROUPS["activation"].registry:
                yield folder / group.name / f"{option}.yaml", group.yaml(option)


def write(folder: Path) -> list[Path]:
    """Write the files that differ; returns their paths."""
    changed = []
    for path, text in option_files(folder):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for written in write(config_folder()):
        print(written)
