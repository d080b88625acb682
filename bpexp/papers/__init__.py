"""The errata: every formula that the four papers print, as code, with a judgement of each, one file a paper.

A new paper is a new file. The gradient method `as_printed` trains with any formula that gives a whole gradient.
"""

from bpexp.papers.as_printed import FORMULAS, WHOLE

__all__ = ["FORMULAS", "WHOLE"]
