"""Everything that uses MLflow: the address of the store, opening it, recording and reading runs, models and sweeps.

A new tag or artifact belongs here. No other package imports mlflow.
"""
