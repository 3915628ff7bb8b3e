"""What every command shares: one line for a mistake, exit codes, and options made from the settings' fields."""

import contextlib
import errno
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator

import click

from diffusion.store.stops import Stopped, Stops
from diffusion.store.surroundings.environment import shut_out
from diffusion.store.surroundings.memory import TooLargeError
from diffusion.store.surroundings.progress import on_terminal

__all__ = [
    "SettingsCommand",
    "flag",
    "flags",
    "printable",
    "run_cleanly",
    "settings_from",
    "settings_options",
]

BAD_INPUT = 2
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they reorder what is read


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Raise Stopped at the first Ctrl-C or SIGTERM; end at once when another comes later."""
    with Stops() as stops:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stops)
            yield
        except Exception as error:  # compiled code that is stopped may make an error of its own of it
            if stops.number is not None:
                raise Stopped(stops.number) from error
            raise


def run_cleanly(command: click.Command, name: str) -> None:
    """Run a command line: 0 when it ends well, 2 with one line on stderr for bad input, 1 for a failed
    computation, 130 after Ctrl-C and 143 after SIGTERM; never a traceback for what a user can mend."""
    shut_out()
    try:
        with _stopped_by_signals():
            command.main(standalone_mode=False, prog_name=name)
        for number in (signal.SIGINT, signal.SIGTERM):  # nothing is left that a stop could interrupt
            signal.signal(number, signal.SIG_DFL)
    except Stopped as stop:
        _leave(f"{name}: {stop}", 128 + stop.number)
    except click.exceptions.Abort:
        _leave(f"{name}: interrupted", 128 + signal.SIGINT)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        _fail(name, error.format_message(), BAD_INPUT)
    except MemoryError as error:
        _fail(name, _of_memory(error), 1)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            _fail(name, f"out of memory ({_of_os(error)})", 1)
        _fail(name, _of_os(error), BAD_INPUT)
    except ValueError as error:
        _fail(name, str(error), BAD_INPUT)
    except ArithmeticError as error:
        _fail(name, str(error), 1)
    except ImportError as error:
        if "failed to map" not in str(error) and "allocate" not in str(error):
            raise
        _fail(name, f"out of memory: a library cannot be loaded ({error}): raise the limit, see `ulimit -v`", 1)
    except RuntimeError as error:
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        _fail(name, _of_memory(error), 1)


def printable(text: str) -> str:
    """Return text that a terminal only shows: its control characters written out, but for ends of lines and tabs."""
    if text.isprintable():
        return text
    return "".join(sign if sign in "\n\t" or not _controls(sign) else ascii(sign)[1:-1] for sign in text)


def _controls(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs") or sign in BIDIRECTIONAL


def _of_memory(error: Exception) -> str:
    if isinstance(error, TooLargeError):
        return f"out of memory: {error}"
    reason = str(error).rpartition("memory: ")[2].split(". ")[0]
    return f"out of memory ({reason or 'no size given'}): lower --batch-size, --widths or --count"


def _of_os(error: OSError) -> str:
    if error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}: check the path, its permissions and the space left"
    if error.errno == errno.ENOSPC:
        return f"the file that this command's words go to: {error.strerror}: make room, then the same command"
    return str(error)


def _fail(name: str, message: str, code: int) -> None:
    _leave(f"{name}: error: {' '.join(message.split())}", code)


def _leave(line: str, code: int) -> None:
    unfinished_bar = "\r\x1b[K" if on_terminal() else ""
    try:
        click.echo(unfinished_bar + printable(line), err=True)
    except OSError:  # where it goes is full, too
        _tell_elsewhere(printable(line))
        os._exit(code)  # Python would try once more to write, and end with a code of its own
    except MemoryError:
        os.write(2, b"out of memory\n")
        os._exit(code)
    sys.exit(code)


def _tell_elsewhere(line: str) -> None:
    """Write a line where the workflow said that a terminal is, by the number of an open file in `SAY_ON`."""
    with contextlib.suppress(KeyError, ValueError, OSError):
        os.write(int(os.environ["SAY_ON"]), f"{line}\n".encode())


def settings_options(kind) -> list[click.Option]:
    """Make one option for each field of a pydantic class of settings, without a value unless it is given."""
    options = []
    for name, field in kind.model_fields.items():
        flag, several = f"--{name.replace('_', '-')}", isinstance(field.default, tuple)
        default = ",".join(map(str, field.default)) if several else field.default
        if field.annotation is bool:
            flag, how = f"{flag}/--no-{flag[2:]}", {"type": bool}
        else:
            among = kind.choices(name) if hasattr(kind, "choices") else None
            how = {"type": str, "metavar": f"[{'|'.join(among)}]" if among else "VALUE"}
        how |= {"help": f"{field.description}  [{default}]", "hidden": name in getattr(kind, "idle", ())}
        options.append(click.Option([flag, name], default=None, **how))
    return options


class SettingsCommand(click.Command):
    """A command that also has an option for each field of the settings which its words choose.

    Args:
        settings: words of the command line -> a pydantic class of settings.
    """

    def __init__(self, *given, settings: Callable[[list[str]], type], **more):
        super().__init__(*given, **more)
        self.own, self.settings = list(self.params), settings
        self.params = self.own + settings_options(settings([]))

    def parse_args(self, ctx, args):
        usual, self.params = self.params, self.own + settings_options(self.settings(args))
        try:
            return super().parse_args(ctx, args)
        finally:
            self.params = usual


def settings_from(kind, given: dict):
    """Make settings from what `settings_options` were given.

    Raises:
        ValueError: each offending option, its value and what is allowed, in one line.
    """
    from pydantic import ValidationError

    from diffusion.store.records import explain

    values = {name: value for name, value in given.items() if value is not None}
    for name, value in values.items():
        if isinstance(kind.model_fields[name].default, tuple):
            values[name] = value.split(",")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ValueError(explain(error, lambda place: f"--{place.partition('.')[0].replace('_', '-')}")) from None


def flags(settings) -> str:
    """Return the command-line options that give exactly these settings, leaving out what equals the defaults."""
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    usual = {name: field.default for name, field in type(settings).model_fields.items()}
    return " ".join(flag(name, value) for name, value in given.items() if value != usual[name])


def flag(name: str, value) -> str:
    """Return the option that gives a setting its value."""
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{option}" if value else f"--no-{option}"
    return f"--{option} {','.join(map(str, value)) if isinstance(value, tuple) else value}"
