"""What every command shares: one line for a mistake, exit codes, and options made from the settings' fields."""

import functools
import sys
from collections.abc import Callable

import click

BAD_INPUT, INTERRUPTED = 2, 130


def run_cleanly(command: click.Command, name: str) -> None:
    """Run a command line: 0 when it ends well, 2 with one line on stderr for bad input, 1 for a failed
    computation, 130 after Ctrl-C; never a traceback for what a user can mend."""
    try:
        command.main(standalone_mode=False, prog_name=name)
    except click.exceptions.Abort:
        _leave(name, "interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        _leave(name, "interrupted", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        _leave(name, error.format_message(), BAD_INPUT)
    except ArithmeticError as error:
        _leave(name, str(error), 1)
    except MemoryError as error:
        _leave(name, f"out of memory ({error}): lower --batch-size or --count", 1)
    except OSError as error:
        _leave(name, _of_os(error), BAD_INPUT)
    except ValueError as error:
        _leave(name, str(error), BAD_INPUT)
    except RuntimeError as error:
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        _leave(name, "out of memory: lower --batch-size, --widths or --count", 1)


def _of_os(error: OSError) -> str:
    if error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}: check the path, its permissions and the space left"
    return str(error)


def _leave(name: str, message: str, code: int) -> None:
    click.echo(
        f"{name}: error: {' '.join(message.split())}" if code != INTERRUPTED else f"{name}: {message}",
        err=True,
    )
    sys.exit(code)


def settings_options(function: Callable) -> Callable:
    """Give a command one option for each field of TrainSettings, and call it with `settings` built from them."""
    from pydantic import ValidationError

    from diffusion.settings import TrainSettings, explain

    fields = TrainSettings.model_fields

    @functools.wraps(function)
    def wrapped(**given):
        values = {name: given.pop(name) for name in fields}
        values = {name: value for name, value in values.items() if value is not None}
        if "widths" in values:
            values["widths"] = values["widths"].split(",")
        try:
            settings = TrainSettings.model_validate(values)
        except ValidationError as error:
            raise ValueError(explain(error)) from None
        return function(settings=settings, **given)

    for name, field in reversed(fields.items()):
        flag = f"--{name.replace('_', '-')}"
        default = ",".join(map(str, field.default)) if name == "widths" else field.default
        if field.annotation is bool:
            flag, kind = f"{flag}/--no-{flag[2:]}", {"type": bool}
        else:
            kind = {"type": str, "metavar": "VALUE"}
        wrapped = click.option(flag, name, default=None, help=f"{field.description}  [{default}]", **kind)(wrapped)
    return wrapped


def flags(settings) -> str:
    """The command-line options that give exactly these settings, leaving out what equals the defaults."""
    words = []
    for name, field in type(settings).model_fields.items():
        value, flag = getattr(settings, name), name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {','.join(map(str, value)) if isinstance(value, tuple) else value}")
    return " ".join(words)
