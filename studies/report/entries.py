"""What a figure or a table says of itself. Imports nothing heavy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Bound", "Entry"]


@dataclass(frozen=True)
class Entry:
    """A figure or a table: its words, the files it is made from, and what makes it.

    title, caption: `{label}` stands for the label of the data, where there is one figure for each. needs: plan (and
    data) -> the files it reads, ValueError where the study has nothing to show in it. make: plan (and data) -> a
    matplotlib Figure or a pandas DataFrame; what is missing is shown as a hole. form: how the report embeds a figure,
    svg or png. per_data: one for each data set of the study, named `ENTRY-DATA`; None: also one of the last set, named
    `ENTRY`.
    """

    title: str
    caption: str
    needs: Callable[..., list[Path]]
    make: Callable[..., Any]
    form: str = "svg"
    per_data: bool | None = False

    def bind(self, name: str, data: str | None = None) -> "Bound":
        """Return this entry under the name of its files, for one data set where it is made for each."""
        return Bound(name, self, data)


@dataclass(frozen=True)
class Bound:
    """An entry as a study shows it. name: of its files."""

    name: str
    entry: Entry
    data: str | None = None

    @property
    def form(self) -> str:
        return self.entry.form

    @property
    def module(self) -> str:
        """The module that makes it, whose imports are its sources."""
        return self.entry.make.__module__

    def title(self, plan) -> str:
        return self._in_words(self.entry.title, plan)

    def caption(self, plan) -> str:
        """Return the caption, and after it what the study says of the figure."""
        note = next((one.note for one in plan.study.figures if one.name == self.name), "")
        return " ".join(filter(None, (self._in_words(self.entry.caption, plan), note)))

    def _in_words(self, text: str, plan) -> str:
        return text if self.data is None else text.format(label=plan.label(self.data))

    def inputs(self, plan) -> list[Path]:
        """Return the files it is made from, each once.

        Raises:
            ValueError: the study has nothing to show in it.
        """
        return list(dict.fromkeys(self.entry.needs(plan, *self._arguments)))

    def make(self, plan):
        """Return the figure or data frame; what is missing is shown as a hole."""
        return self.entry.make(plan, *self._arguments)

    @property
    def _arguments(self) -> tuple[str, ...]:
        return () if self.data is None else (self.data,)
