"""The local MLflow server that shows recorded runs, started by `python -m bpexp.ui`.

It only reads the store and does not depend on how runs are made.
"""
