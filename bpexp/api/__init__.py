"""bpexp from Python: the same declarations as on the command line, with results as arrays, data frames and figures.

import bpexp
result = bpexp.run("model=mnist_relu", lr=0.1, epochs=3)
result.history["accuracy/test"].dropna()
result.predict(rows)
sweep = bpexp.sweep("model=mnist_sigmoid,mnist_relu", lr=[0.1, 0.3], seed=range(3))
sweep.table
bpexp.run(data=(frame, "species"), **{"model.hidden": [16]})

What is called (`calls`), what it takes (`words`), and what it returns (`result`) with its pages (`pages`) and figures
(`pictures`) belong here; what a run or a sweep does belongs to `running`. A call restores BLAS threads, logging,
environment, signal handlers, working directory and Hydra's state. Several threads may call at once.
"""

from bpexp.api.calls import load, resume, run, sweep
from bpexp.api.result import Result, RunFailed, SweepResult
from bpexp.data import Dataset
from bpexp.errors import BpexpError

__all__ = ["BpexpError", "Dataset", "Result", "RunFailed", "SweepResult", "load", "resume", "run", "sweep"]
