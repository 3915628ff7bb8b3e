"""What is put to images or runs to measure them: one file a ruler, by `studies.registries.RULERS`."""
