"""The local MLflow server that shows recorded runs, started by `python -m bpexp.ui`.

It only reads the store; nothing here knows how runs are made.
"""
