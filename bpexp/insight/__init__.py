"""Measurements of a run: probes of single steps, the ledger, histograms, the gradient check, the trace of a sample,
snapshots of a training.

A new measurement belongs here. What it takes of the samples of a batch it takes piece by piece (`pieces`). Figures are
drawn in `figures`; gradients are computed in `gradients`.
"""

from bpexp.insight import full_probes, gradient_noise, ledger
from bpexp.insight.probes import probes

__all__ = ["full_probes", "gradient_noise", "ledger", "probes"]
