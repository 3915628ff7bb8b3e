"""A study at a scale as data sets, runs and files. Never imports torch."""
