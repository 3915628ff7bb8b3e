"""The planted study, for all files here."""

from judged import study  # noqa: F401
