"""MLflow, and only MLflow: where the store lies, how it is opened, how runs, models and sweeps are recorded and read.

A new tag or artifact belongs here. No other package imports mlflow.
"""
