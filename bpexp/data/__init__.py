"""Data sets: loaders by name, readers of files, the cache of raw data, splits, scaling and mini-batches.

Everything between a declared data set and the arrays that training reads belongs here; evaluation does not. Only this
package transposes: stored rows are samples, batches are columns.
"""

from bpexp.data import bundled, files, memory, mnist, synthetic
from bpexp.data.batches import Batches
from bpexp.data.dataset import DataSet, Loader, Part, Raw, Targets, Task, classify, datasets, digest_of
from bpexp.data.idx import read_idx
from bpexp.data.memory import Dataset
from bpexp.data.prepare import prepare
from bpexp.data.scaling import Scaling, scaled
from bpexp.data.tables import declaration

__all__ = [
    "Batches",
    "DataSet",
    "Dataset",
    "Loader",
    "Part",
    "Raw",
    "Scaling",
    "Targets",
    "Task",
    "bundled",
    "classify",
    "datasets",
    "declaration",
    "digest_of",
    "files",
    "memory",
    "mnist",
    "prepare",
    "read_idx",
    "scaled",
    "synthetic",
]
