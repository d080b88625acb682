"""A SLURM of a test: controller, two nodes of one core and their MUNGE, in a temporary folder and on free ports.

Nothing of the machine's own SLURM is read or written: SLURM_CONF names our configuration for every command.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo")
HOST = "127.0.0.1"
NODES = ("bp1", "bp2")
SECONDS = 60.0

CONFIG = """\
ClusterName=bpexp
SlurmctldHost=localhost({host})
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdTimeout={timeout}
KillWait=20
SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_min_interval=10000
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""
NODE = "NodeName={name} NodeHostname={machine} NodeAddr={host} Port={port} CPUs=1 RealMemory=4000 State=UNKNOWN"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def programs() -> None:
    """Skip the test where SLURM cannot be started."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if lacking := [name for name in PROGRAMS if shutil.which(name, path=search) is None]:
        pytest.skip(f"SLURM is not installed: no {', '.join(lacking)} (apt-get install slurmctld slurmd munge)")
    if os.getuid() != 0:
        pytest.skip("slurmd and munged are started by root alone")
    pytest.importorskip("submitit")


class Slurm:
    """A controller and its nodes; `environment` is what a command needs to find them."""

    def __init__(self, folder: Path, timeout: int = 5) -> None:
        self.folder, self.environment = folder, {"SLURM_CONF": str(folder / "slurm.conf")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "state").mkdir()
        machine = socket.gethostname().partition(".")[0]
        nodes = [NODE.format(name=name, machine=machine, host=HOST, port=free_port()) for name in NODES]
        text = CONFIG.format(folder=folder, host=HOST, port=free_port(), timeout=timeout, nodes="\n".join(nodes))
        (folder / "slurm.conf").write_text(text.replace("localhost", machine))
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")  # which needs no cgroup to be mounted
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)

    def start(self) -> None:
        """Start everything, and return when both nodes are there."""
        places = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log",
                  "seed-file": "munge.seed"}  # fmt: skip
        self._begin("munged", "--foreground", *(f"--{key}={self.folder / name}" for key, name in places.items()))
        self._await(lambda: (self.folder / "munge.socket").exists())
        self._begin("slurmctld", "-D")
        self._await(lambda: "UP" in self.say("scontrol", "ping"))  # a node that asks before it is there asks late again
        for name in NODES:
            self.start_node(name)
        self._await(lambda: self.say("sinfo", "--noheader", "--format=%t").split() == ["idle"])

    def start_node(self, name: str) -> None:
        """Start the daemon of one node."""
        self._begin("slurmd", "-D", "-N", name, called=name)

    def restart_node(self, name: str) -> None:
        """Have a node back that went away."""
        if name in self.processes and self.processes[name].poll() is not None:
            self.start_node(name)
            self.say("scontrol", "update", f"NodeName={name}", "State=RESUME")

    def _begin(self, *command: str, called: str | None = None) -> None:
        path = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        with (self.folder / f"{called or command[0]}.out").open("ab") as log:
            self.processes[called or command[0]] = subprocess.Popen(
                [str(path), *command[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment}, start_new_session=True,
            )  # fmt: skip

    def _await(self, there: object) -> None:
        until = time.monotonic() + SECONDS
        while not there():  # type: ignore[operator]
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not ended, (self.folder / f"{ended[0]}.out").read_text()[-1000:]
            assert time.monotonic() < until, self.say("sinfo")
            time.sleep(0.05)

    def say(self, *command: str) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=30
        )
        return done.stdout

    def states(self) -> dict[str, str]:
        """The state of every job of which the controller knows."""
        lines = self.say(
            "squeue", "--noheader", "--array", "--states=all", "--Format=JobArrayID:30,State:30"
        ).splitlines()
        return dict(line.split() for line in lines)  # type: ignore[misc]

    def kill_node(self, name: str) -> None:
        """Have a node go away: its daemon and all that it started are killed."""
        for process in [self.processes[name].pid, *_started_by(self, name)]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def stop(self) -> None:
        """End everything."""
        self.say("scancel", "--user=root", "--signal=KILL", "--full")
        self.say("scancel", "--user=root")
        for name in ("bp1", "bp2", "slurmctld", "munged"):
            if name in self.processes:
                self.processes[name].terminate()
                with suppress(subprocess.TimeoutExpired):
                    self.processes[name].wait(10)
                self.processes[name].kill()
                self.processes[name].wait()


@contextmanager
def running_slurm(timeout: int = 5) -> Iterator[Slurm]:
    """A SLURM for the time of the block, below a folder that MUNGE trusts, unlike pytest's."""
    programs()
    folder = Path(tempfile.mkdtemp(prefix="bpexp-slurm-"))
    folder.chmod(0o755)
    try:
        slurm = Slurm(folder, timeout)
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started_by(slurm: Slurm, name: str) -> list[int]:
    """The processes of the jobs on a node, and the daemons that watch them."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environment = process.environ()
            said = environment.get("SLURM_CONF"), environment.get("SLURMD_NODENAME")
            if said == (slurm.environment["SLURM_CONF"], name):
                found |= {above for above in process.parents() if above.name() == "slurmstepd"} | {process}
    return [process.pid for process in found]
