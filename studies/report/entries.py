"""What a figure or a table declares of itself. Imports nothing heavy."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from studies.planning.plan import Plan

__all__ = ["Entry", "named"]


@dataclass(frozen=True)
class Entry:
    """A figure or a table.

    name: of its files; title; caption: what is shown and where the thesis shows it; needs: plan -> the files it is made
    from; maker: `module.function`; argument: passed after the plan, for families; form: how the report embeds it.
    """

    name: str
    title: str
    caption: str
    needs: Callable[[Plan], list[Path]]
    maker: str
    argument: str | None = None
    form: str = "svg"

    def inputs(self, plan: Plan) -> list[Path]:
        """The files that this entry is made from.

        Raises:
            ValueError: the study's grid has not what the entry shows.
        """
        if self.argument is not None and self.argument not in plan.study.grid.preparation:
            kept = ", ".join(plan.study.grid.preparation)
            raise ValueError(f"{self.name}: study {plan.study_name} has no set {self.argument!r}, only {kept}")
        return self.needs(plan)

    def make(self, plan: Plan):
        """The figure or data frame; cells whose files are missing are shown as holes."""
        module, function = self.maker.rsplit(".", 1)
        make = getattr(import_module(f"studies.{module}"), function)
        return make(plan) if self.argument is None else make(plan, self.argument)


def named(entries: dict[str, Entry], name: str) -> Entry:
    """The entry of that name; ValueError lists what there is."""
    if name not in entries:
        raise ValueError(f"there is no {name!r}: choose from {', '.join(entries)}")
    return entries[name]
