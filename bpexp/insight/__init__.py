"""What a gradient tells during and after a run: probes, the ledger, histograms, the gradient check, the sample trace.

What measures belongs here; what draws is in `figures`, and what computes a gradient is in `gradients`.
"""

from bpexp.insight import full_probes as statistics
from bpexp.insight import ledger
from bpexp.insight.probes import probes

__all__ = ["ledger", "probes", "statistics"]
