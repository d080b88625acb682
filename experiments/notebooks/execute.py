"""Execute the notebooks, each in an empty folder, and store their outputs in them.

python -m experiments.notebooks.execute [NAME ...] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
SECONDS = 300
"""The longest time of a cell."""


def executed(path: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of its cells, which ran in `folder`; raises CellExecutionError for one that fails."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources, record_timing=False).execute()
    notebook.metadata.pop("language_info", None)  # the version of Python, which changes nothing
    return notebook


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute the notebooks that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=sorted(path.name for path in HERE.glob("*.ipynb")))
    parser.add_argument("--out", type=Path, default=HERE, help="the folder for the notebooks with their outputs")
    options = parser.parse_args(arguments)
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["IPYTHONDIR"] = folder  # no profile, and no history, of whoever runs this
            nbformat.write(executed(HERE / name, Path(folder)), options.out / name)
        print(options.out / name)


if __name__ == "__main__":
    main()
