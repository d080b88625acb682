"""The size of a run against the memory that is there, before anything of it is allocated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plans import planned

from bpexp.errors import ConfigError
from bpexp.gradients.jacobian import Jacobian, layer_jacobians
from bpexp.nn.activations import activations
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.running import bounds, memory

SMALL = ["data=xor", "data.n=60", "model.hidden=[3]", "tracking=none"]

REFUSED = {
    "model.hidden=[30000,30000]": "more than 100000000; on the command line, limits.parameters=",
    "limits.layers=2 model.hidden=[3,3,3]": "model: 3 hidden layers are more than 2",
    "limits.updates=10": "epochs=10 are 20 updates, more than 10; on the command line, limits.updates=20",
    "limits.memory=0.0001 data.n=20000": "data=xor: the samples need",
    "limits.memory=0.01 model.hidden=[500,500]": "and 0.01 GiB are allowed by limits.memory; make them smaller, or",
    "limits.memory=0.01 model.hidden=[100,100] batch_size=full data.n=10000": "batches of 7000 need",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line: str) -> None:
    keys = {word.partition("=")[0] for word in line.split(" ")}
    rest = [word for word in SMALL if word.partition("=")[0] not in keys]
    with pytest.raises(ConfigError) as error:
        planned(*rest, *line.split(" "))
    assert REFUSED[line] in str(error.value)


def test_the_machine_decides_where_nothing_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "free_memory", lambda: 1000)
    with pytest.raises(ConfigError, match=r"9.31e-07 GiB are free"):
        planned(*SMALL)
    monkeypatch.setattr(bounds, "free_memory", lambda: 10**9)
    planned(*SMALL)


def test_the_jacobians_are_counted() -> None:
    network = Network([4, 5, 6, 3], [activations.build("tanh")] * 2, outputs.build("softmax"), "float64")
    work = network.workspace(7)
    for buffers in (work.z, work.a):
        for buffer in buffers:
            buffer[...] = 0.0
    held = sum(jacobian.size for jacobian in layer_jacobians(network, work))
    assert held <= Jacobian().numbers(network.sizes, 7)


def test_free_memory_is_the_least_of_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < memory.free_memory() < 2**50
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:    800 kB\n", encoding="ascii")
    group = tmp_path / "groups/a/b"
    group.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n", encoding="ascii")
    for name, file in {"MEMINFO": "meminfo", "CGROUPS": "groups", "OWN_CGROUP": "own"}.items():
        monkeypatch.setattr(memory, name, tmp_path / file)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (memory.resource.RLIM_INFINITY,) * 2)
    assert memory.free_memory() == 800 * 1024
    for folder, most in ((group, "max"), (group.parent, "500000")):
        (folder / "memory.max").write_text(f"{most}\n", encoding="ascii")
        (folder / "memory.current").write_text("300000\n", encoding="ascii")
    (group.parent / "memory.stat").write_text("anon 1\ninactive_file 1000\n", encoding="ascii")
    assert memory.free_memory() == 201_000
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (np.iinfo(np.int64).max, 0))
    assert memory.free_memory() == 201_000
