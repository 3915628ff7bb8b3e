"""The questions: which runs a study needs, what is measured on them, and what is shown."""
