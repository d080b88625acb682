"""What a gradient tells: probes, the ledger, histograms, the guard and the trace."""

from bpexp.insight import ledger, statistics
from bpexp.insight.probes import probes

__all__ = ["ledger", "probes", "statistics"]
