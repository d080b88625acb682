"""The end of a run, whatever ends it: signals, the record on disk and in MLflow, and the pictures that can wait."""
