"""The figures of trust: every pairing against many digits, PyTorch's autograd, scikit-learn's trajectory.

python -m experiments.trust.measure [--quick] [--networks 500] [--epochs 10] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.trust import pairings, report, trajectory


def table(names: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The worst errors of each pairing, from z and, in float64, by the chain rule through a; null if not finite."""
    rows = []
    for output, loss in names:
        row: dict[str, Any] = {"output": output, "loss": loss}
        row |= {dtype: pairings.worst(output, loss, dtype) for dtype in pairings.TOLERANCE}
        through_a = max(pairings.worst(output, loss, "float64", shortcut=False).values())
        row["through_a"] = through_a if math.isfinite(through_a) else None
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print, as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="some pairings, few networks, one epoch")
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    threadpool_limits(1)
    names = list(pairings.pairings())
    quick = arguments.quick
    results: dict[str, Any] = {
        "numpy": np.__version__,
        "pairings": table(names[::8] if quick else names),
        "trajectory": trajectory.measure(1, 200) if quick else trajectory.measure(arguments.epochs),
        "autograd": None,
    }
    if find_spec("torch"):
        from experiments.trust import autograd

        results["autograd"] = autograd.measure(2 * len(names) if quick else arguments.networks)
    else:
        print("PyTorch is not installed (extra: bench); the comparison with its autograd is left out")
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(report.tables(results).values()))


if __name__ == "__main__":
    main()
