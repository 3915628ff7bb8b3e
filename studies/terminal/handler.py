"""Say a workflow's course in few words: a handler for Snakemake's log, by its interface for logger plugins.

On a terminal the last lines are live: the jobs at work, how far each is, and how long the rest takes. Elsewhere there
are plain lines only. What Snakemake says in full is in .snakemake/log.
"""

import logging
import os
import re
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from studies.terminal.jobs import ALL, Job, Jobs, duration

__all__ = ["LogHandler"]

EVERY, QUIET = 1.0, 60.0  # seconds between two looks at the jobs, and of silence before a plain line says how it stands
MOST = 8  # jobs shown live
NOISE = re.compile(
    r"Assuming unrestricted|Elapsed time|Using profile|Building DAG|Using shell|Select jobs|Execute \d+|Complete log|"
    r"Provided|Rules claiming|host: |Workflow finished|At least one job|Exiting because|WorkflowError:\nAt least one|"
    r"Storing output|Removing output|Terminating processes|Shutting down|Group jobs|Conda env|Singularity|"
    r"Will exit after|Reasons:|.*(?:have missing|have outdated) provenance"
)
LAST_WORDS = 12  # lines of a failed job's log


class LogHandler(LogHandlerBase):
    """Writes one line a finished or failed job.

    half_done: says which runs have begun and not ended; stopped: whether the user has stopped the workflow; told: what
    people read for names of runs and data sets.
    """

    writes_to_stream, writes_to_file, has_filter, has_formatter, needs_rulegraph = True, False, True, True, False

    def __init__(
        self,
        settings,
        half_done: Callable[[], list[str]],
        stopped: Callable[[], bool],
        told: Mapping[str, str] | None = None,
    ):
        self.half_done, self.stopped, self.told = half_done, stopped, told or {}
        super().__init__(settings, None)

    def __post_init__(self) -> None:
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb" and not self.common_settings.dryrun
        self.jobs, self.shown, self.spoke = Jobs(), 0, time.monotonic()
        self.ended = threading.Event()
        self.thread = None
        self.by_event = {
            LogEvent.RUN_INFO: self._plan,
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.ERROR: self._pass_on,
            None: self._pass_on,
        }

    def emit(self, record: logging.LogRecord) -> None:
        """Say what an event of Snakemake's means to people, if anything."""
        react = self.by_event.get(getattr(record, "event", None))
        if react and not self.stopped():
            try:
                react(record)
            except (OSError, ValueError):  # a closed terminal stops no workflow
                self.live = False

    def say(self, *lines: str) -> None:
        """Write lines above the live ones."""
        with self.lock:
            self._clear()
            self.stream.write("".join(f"{line}\n" for line in lines))
            self._draw()
            self.stream.flush()
            self.spoke = time.monotonic()

    def close(self) -> None:
        """Take the live lines away and stop watching."""
        self.ended.set()
        with self.lock:
            self._clear()
            self.live = False
        super().close()

    def _plan(self, record) -> None:
        if self.jobs.planned:  # a dry run says it twice
            return
        self.jobs.planned = Counter({rule: count for rule, count in record.stats.items() if rule != "total"})
        if self.common_settings.dryrun:
            self.say(record.getMessage())
            return
        counts = ", ".join(f"{count} {rule}" for rule, count in self.jobs.planned.items() if rule != ALL)
        self.say(f"{self.jobs.total} jobs: {counts}", *(f"goes on after {line}" for line in self.half_done()))
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _start(self, record) -> None:
        name = " ".join(self.told.get(str(value), str(value)) for value in (record.wildcards or {}).values())
        if self.common_settings.dryrun:
            self.say(f"rule {record.rule_name}: {name + '  ' if name else ''}({_shorten(record.reason)})")
            return
        log = Path(record.log[0]) if record.log else None
        with self.lock:
            self.jobs.running[record.jobid] = Job(record.rule_name, name, log, time.monotonic())

    def _finish(self, record) -> None:
        with self.lock:
            found = self.jobs.finish(record.job_id)
        if found and found[0].rule != ALL:
            job, seconds = found
            self.say(f"{self._count()} {job}  {', '.join(filter(None, [duration(seconds), job.progress.said]))}")

    def _fail(self, record) -> None:
        with self.lock:
            job = self.jobs.fail(record.jobid) or Job(record.rule_name, "", None, 0.0)
        log = [Path(one.split(" (")[0]) for one in record.log]
        self.say(f"failed: {job}; its log is {log[0] if log else 'empty'}", *(_read_end(log[0]) if log else ()))

    def _pass_on(self, record) -> None:
        text = self.format_plain(record)
        if text.startswith("This was a dry-run"):
            self.say(*(f"half done: {line} is saved, and it goes on from there" for line in self.half_done()), text)
        elif text and not NOISE.match(text):
            self.say(text)

    @staticmethod
    def format_plain(record) -> str:
        """Return what Snakemake says, without blank lines around it."""
        return record.getMessage().strip() if record.msg is not None else ""

    def _count(self) -> str:
        total = str(self.jobs.total)
        return f"{self.jobs.done:>{len(total)}} of {total}"

    def _watch(self) -> None:
        while not self.ended.wait(EVERY):
            with self.lock:
                if self.stopped():
                    return
                try:
                    self._look()
                except (OSError, ValueError):
                    return

    def _look(self) -> None:
        if self.live:
            self._clear()
            self._draw()
            self.stream.flush()
        elif time.monotonic() - self.spoke > QUIET and self.jobs.running:
            self.say("at work: " + "; ".join(_tell(job) for job in list(self.jobs.running.values())[:MOST]))

    def _draw(self) -> None:
        if not self.live or not self.jobs.running:
            return
        width = shutil.get_terminal_size().columns - 1
        running = list(self.jobs.running.values())
        more = f", {len(running)} at work" if len(running) > MOST else ""
        left = self.jobs.tell_left()
        lines = [f"  {_tell(job)}" for job in running[:MOST]]
        lines.append(f"{self.jobs.done} of {self.jobs.total} jobs done{more}{', ' if left else ''}{left}")
        self.stream.write("".join(f"{_fitted(line, width)}\n" for line in lines))
        self.shown = len(lines)

    def _clear(self) -> None:
        if self.live and self.shown:
            self.stream.write(f"\x1b[{self.shown}F\x1b[J")
        self.shown = 0


def _tell(job: Job) -> str:
    words = filter(None, [duration(time.monotonic() - job.started), job.progress.said])
    return f"{job}  {', '.join(words)}"


def _fitted(line: str, width: int) -> str:
    """Leave out a line's last parts until it fits: a number that is cut would read as another."""
    while len(line) > width and ", " in line:
        line = line.rpartition(", ")[0]
    return line[:width]


def _shorten(reason: str) -> str:
    """Keep the first file that each part of a job's reason names."""
    parts = []
    for part in " ".join(str(reason).split()).split("; "):
        head, _, names = part.partition(": ")
        first, *others = names.split(", ")
        parts.append(f"{head}: {first}{f' and {len(others)} more' if others else ''}" if names else head)
    return "; ".join(parts)


def _read_end(log: Path) -> list[str]:
    """Return the last lines of a log; what it says of its progress is left out."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip() and not re.match(r"epoch \d+/|\d+% of ", line)][-LAST_WORDS:]
