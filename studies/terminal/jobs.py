"""Keep count of a workflow's jobs: which are at work, how long each took, how long the rest will take."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from studies.terminal.progress import Progress, read_progress

ALL = "all"  # the rule that only asks for files
__all__ = ["ALL", "Job", "Jobs", "duration"]


@dataclass(frozen=True)
class Job:
    """A job at work. name: of what it makes; started: by time.monotonic()."""

    rule: str
    name: str
    log: Path | None
    started: float

    @property
    def progress(self) -> Progress:
        return read_progress(self.log) if self.log else Progress()

    def __str__(self) -> str:
        return f"{self.rule:<13} {self.name}".rstrip()


@dataclass
class Jobs:
    """All jobs of a workflow.

    planned: rule -> how many; running: by Snakemake's number; took: rule -> the seconds of each job that is done.
    """

    planned: Counter = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0

    @property
    def total(self) -> int:
        return sum(count for rule, count in self.planned.items() if rule != ALL)

    @property
    def done(self) -> int:
        return sum(len(taken) for rule, taken in self.took.items() if rule != ALL)

    def finish(self, number: int) -> tuple[Job, float] | None:
        """Move a job from those at work to those done; return it and its seconds."""
        job = self.running.pop(number, None)
        if job is None:
            return None
        self.took[job.rule].append(time.monotonic() - job.started)
        return job, self.took[job.rule][-1]

    def fail(self, number: int) -> Job | None:
        self.failed += 1
        return self.running.pop(number, None)

    def tell_left(self) -> str:
        """Tell how long the rest takes, from the jobs that are done and the shares of those at work; "" if unknown."""
        usual = {rule: sum(taken) / len(taken) for rule, taken in self.took.items()}
        expected = {rule: [] for rule in self.planned}
        spent: dict[str, float] = defaultdict(float)
        for job in self.running.values():
            seconds, share = time.monotonic() - job.started, job.progress.share
            spent[job.rule] += seconds
            if share and share > 0.02:
                expected.setdefault(job.rule, []).append(seconds / share)
        usual |= {rule: sum(some) / len(some) for rule, some in expected.items() if some and rule not in usual}
        if not usual or any(job.rule not in usual for job in self.running.values()):
            return ""
        left = 0.0
        for rule, mean in usual.items():
            left += max(0.0, (self.planned[rule] - len(self.took.get(rule, ()))) * mean - spent[rule])
        unknown = any(count and rule not in usual and rule != ALL for rule, count in self.planned.items())
        return f"{'at least ' * unknown}{duration(left / max(1, len(self.running)))} left"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
