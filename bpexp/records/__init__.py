"""What a run leaves on disk and how it is read back: outcome, journal, summary, network file, provenance.

The record never depends on MLflow: `tracking` is fed from it.
"""
