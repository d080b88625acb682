"""The jobs of a search: each trial is composed and validated when it is decided, as the jobs of a sweep are before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bpexp.config.composition import CommandLine, Composer, composer
from bpexp.config.effects import refuse_overruled
from bpexp.config.plugins import named_plugins
from bpexp.errors import BpexpError
from bpexp.running.checking import Seen, checked
from bpexp.running.job import Job
from bpexp.search.declared import PARAMETERS, Search


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What makes the jobs of a search.

    Args:
        search: as it was declared.
        line: the command line.
        fixed: the overrides that all trials share.
        composing: knows what was composed before.
        seen: the data sets that were loaded.
    """

    search: Search
    line: CommandLine
    fixed: tuple[str, ...]
    composing: Composer
    seen: Seen

    def job(self, number: int, said: Mapping[str, str]) -> Job:
        """The job of a trial, or of the preset where `said` is empty; raises BpexpError for an invalid config."""
        kept = [line for line in self.fixed if line.partition("=")[0] not in said]
        lines = [*kept, *(f"{key}={text}" for key, text in said.items())]
        with composer(self.line, self.composing) as composing:
            job = made(composing, lines, number, self.seen)
        first = next(name for name in self.search.objectives if name != PARAMETERS)
        ranked = replace(job.config, objective=first)  # by which the trials are ranked
        return replace(job, config=ranked, varied=tuple(said))


def made(composing: Composer, lines: Sequence[str], number: int, seen: Seen) -> Job:
    """A job of a search from its overrides."""
    parsed = composing.parse(lines)
    done = composing.compose(parsed, number)
    refuse_overruled(done, parsed)
    own = tuple(text for text in lines if not text.lstrip("+~").startswith(("hydra.", "hydra/")))
    with named_plugins():
        config = checked(replace(done.config, search={}), seen)
    job = Job(config, own, subdirectory=done.subdirectory, number=number, one_of_many=True)
    return replace(job, hydra=done.hydra, data=seen.named(done.config))


def in_a_trial(error: BpexpError, said: Mapping[str, str]) -> BpexpError:
    """The error, with the values of the trial that has it."""
    told = " ".join(f"{key}={text}" for key, text in said.items())
    return type(error)(f"{error} (in a trial with {told})")
