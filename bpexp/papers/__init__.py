"""The errata: lines of the four papers, quoted and as code, with their correctness, one module a paper.

A new paper is a new module `paper_004.py`, which `errata` adds to its books. The gradient method `as_printed` trains
with any formula that gives a whole gradient. Correct gradient methods are in `bpexp.gradients`; the effect of a wrong
formula on training is measured in `experiments/errata`.
"""

from bpexp.papers.as_printed import AsPrinted
from bpexp.papers.errata import FORMULAS, WHOLE_PASSES

__all__ = ["FORMULAS", "WHOLE_PASSES", "AsPrinted"]
