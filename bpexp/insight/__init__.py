"""Measurements of a run: probes of single steps, the ledger, histograms, the gradient check, the trace of a sample.

A new measurement belongs here. Figures are drawn in `figures`; gradients are computed in `gradients`.
"""

from bpexp.insight import full_probes as statistics
from bpexp.insight import ledger
from bpexp.insight.probes import probes

__all__ = ["ledger", "probes", "statistics"]
