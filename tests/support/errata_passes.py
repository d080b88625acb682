"""The networks and heads on which whole passes are run, and how far the wrong ones are from the gradient."""

from __future__ import annotations

from paper_truths import EQUAL, NARROW, SOFTMAX, SQUARED

HEADS = {
    "002-own-chain": [SQUARED],
    "002-output-delta": [SOFTMAX],
    "003-squared-output": [SQUARED],
    "003-delta-last": [SQUARED],
    "003-a-minus-y": [SOFTMAX],
    "003-summary-output": [SOFTMAX],
    "003-appendix-delta": [SOFTMAX],
}
"""Correct formulas that hold for some heads only; the rest hold for any."""

WRONG = {
    "000-da-last": (EQUAL, SQUARED, 0.857, 2.397),
    "000-dw-last": (EQUAL, SQUARED, 0.807, 1.901),
    "000-db-last": (EQUAL, SQUARED, 0.792, 1.137),
    "000-last-layer": (EQUAL, SQUARED, 0.995, 3.264),
    "002-db-bound-index": (EQUAL, SOFTMAX, 0.966, 0.2646),
    "002-expanded-no-slope": (EQUAL, SOFTMAX, 0.618, 1.328),
    "002-expanded-from-1": (EQUAL, SOFTMAX, 0.991, 0.1655),
    "002-expanded": (EQUAL, SOFTMAX, 0.639, 1.41),
    "003-bias-in-sum": (EQUAL, SOFTMAX, 0.798, 0.6121),
    "003-limit": (NARROW, SOFTMAX, 0.990, 0.1743),
    "003-slope-index": (EQUAL, SOFTMAX, 0.811, 0.7115),
    "003-db2-from-Delta1": (EQUAL, SOFTMAX, 0.958, 0.2909),
    "003-both-slips": (EQUAL, SOFTMAX, 0.753, 0.8399),
}
"""A net on which a wrong formula runs, and there its cosine with the gradient and its relative error."""

ONLY_SQUARE = ("003-slope-index", "003-db2-from-Delta1", "003-both-slips", "003-limit")
"""Wrong formulas that run on layers of equal width, or on narrowing ones, and stop on others."""
