"""Where the papers print what a trace computes: the paper with its number, and the section."""

from __future__ import annotations

PAPERS = {
    "Filler (000)": "A. Filler, Back Propagation (2025)",
    "Avram (001)": "A. Avram, Back propagation for Deep Feedforward Neural Networks (2025)",
    "Layer by Layer (002)": "Neural Network - Layer by Layer Based System",
    "Introduction (003)": "the introduction to the mathematics of backpropagation with a worked MNIST example",
    "Nielsen": "M. Nielsen, Neural Networks and Deep Learning (2015)",
}
"""The short names of the papers, and what they stand for."""

_IN_CODE = "Layer by Layer (002), section Backpropagation Derivations Used in Code"
_WORKED = "Introduction (003), section Worked Example"

_SOURCES = {
    "forward": "Avram (001), section Set up",
    "mse": "Filler (000), section Calculating Gradient",
    "cross_entropy": _WORKED,
    "binary_cross_entropy": "Nielsen, chapter 3",
    "mae": "mean absolute error",
    "huber": "Huber (1964)",
    "mean of samples": "Layer by Layer (002), section Averaging Gradients Across Training Examples",
    "sum of samples": "Introduction (003), section Considering Multiple Training Data Points",
    "softmax+cross_entropy": _IN_CODE,
    "sigmoid+binary_cross_entropy": "Nielsen, chapter 3",
    "slope of C": "Avram (001), section Back Prop",
    "full chain rule": "Layer by Layer (002), section Softmax + Cross Entropy Derivative",
    "delta^L": "Introduction (003), section Utilizing Matrix/Vector Notation",
    "slope of f": "Avram (001), section Back Prop",
    "recursion": "Layer by Layer (002), section Recursive Formula for delta (Backward Pass)",
    "gradient": "Layer by Layer (002), section Final 3 Vectorized Results",
    "gradient of a batch": _IN_CODE,
    "gradient descent": _IN_CODE,
}


def source(what: str) -> str:
    """Where a step, the cost of a loss by its name, or delta^L of a pairing stands; what is nowhere has its reason."""
    return _SOURCES.get(what, "closed form of the pairing" if "+" in what else "")


def legend(text: str) -> list[str]:
    """What the short names of papers in a text stand for, a line each."""
    return [f"{short}: {whole}" for short, whole in PAPERS.items() if short in text]
