"""Put our words in the place of Snakemake's own, unless the user asked for these."""

import subprocess
from collections.abc import Callable, Mapping

__all__ = ["Words", "take_over"]


class Words:
    """What the Snakefile says at the end: through the handler, or plainly where that is not in use."""

    def __init__(self, half_done: Callable[[], list[str]]):
        from studies.terminal.stopping import Stop

        self.half_done, self.stop, self.handler = half_done, Stop(), None

    def note(self, line: str) -> None:
        """Say something while the jobs are at work."""
        if self.handler:
            self.handler.say(line)

    def note_output(self, command: str) -> None:
        """Say what a command says, if it ends well and our words are in use."""
        if self.handler:
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            self.note(done.stdout.strip() if done.returncode == 0 else "how long it takes could not be estimated")

    def say(self, *lines: str) -> None:
        """Say the last words, on stdout."""
        if self.handler:
            self.handler.close()
        print(*lines, sep="\n", flush=True)

    def end_if_stopped(self) -> None:
        """Leave with one line and exit code 130 if the user has pressed Ctrl-C."""
        if self.stop:
            self.stop.end(self.say, self.half_done())


def take_over(workflow, half_done: Callable[[], list[str]], told: Mapping[str, str]) -> Words:
    """Replace Snakemake's stream handler; a user's own choice of words (--verbose, -p, --quiet, --logger) stands.

    told: what people read for names of runs and data sets.
    """
    words = Words(half_done)
    if not workflow.is_main_process:
        return words
    from snakemake.logging import logger

    settings = workflow.output_settings
    own = settings.verbose or settings.printshellcmds or settings.debug_dag or settings.quiet
    if not workflow.dryrun:
        words.stop.install()
    usual = [one for one in logger.handlers if one.name == "DefaultStreamHandler"]
    if usual and not own:
        from studies.terminal.handler import LogHandler

        words.handler = LogHandler(settings, half_done, lambda: bool(words.stop), told)
        logger.removeHandler(usual[0])
        logger.addHandler(words.handler)
    return words
