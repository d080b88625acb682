"""One command in many fresh processes: how many different weights come out?

python -m experiments.reliability.digests [--processes 20] [WORDS ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bpexp.records.outcome import read_outcome

WORDS = ["data=digits", "epochs=5", "optimizer=adam", "tracking=none", "progress=false"]


def digests(processes: int, words: list[str], scratch: Path) -> Counter[str]:
    """The SHA-256 of theta, and how often it came out."""
    found: Counter[str] = Counter()
    for number in range(processes):
        folder = scratch / str(number)
        command = [sys.executable, "-m", "bpexp", *words, f"hydra.run.dir={folder}"]
        subprocess.run(command, check=True, cwd=scratch, stdout=subprocess.DEVNULL)
        found[read_outcome(folder).theta_sha256] += 1
    return found


def main() -> None:
    """Run them, and print the digests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("words", nargs="*", default=WORDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = digests(options.processes, options.words, Path(scratch))
    print(f"{options.processes} processes, {len(found)} digest(s)")
    print("\n".join(f"{count} x {digest}" for digest, count in found.most_common()))
    sys.exit(len(found) != 1)


if __name__ == "__main__":
    main()
