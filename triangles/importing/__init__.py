"""From other people's pictures to a data set: where they lie, what becomes of each, and the set."""
