"""What `task=doctor` prints: a line for each finding as it is made, and at the end what is left for a person."""

from __future__ import annotations

from collections.abc import Iterable

from bpexp.tracking.doctor.finding import Finding

WORDS = {"well": "well", "note": "note", "mended": "mended", "unmended": "wrong", "person": "wrong"}


def print_findings(findings: Iterable[Finding]) -> int:
    """Print each finding and what is to be done; returns the exit code: 0 where nothing is left to do, else 1."""
    left: list[Finding] = []
    times = 0
    for finding in findings:
        print(f"{WORDS[finding.mark]:<7} {finding.text}", flush=True)
        times += finding.mark == "mended"
        left += [finding] if finding.left else []
    if not left:
        print("all is well" if not times else "all that was wrong is mended")
        return 0
    print("\nleft for you:")
    for number, finding in enumerate(left, start=1):
        print(f"  {number}. {finding.text}\n     {finding.remedy}")
    return 1
