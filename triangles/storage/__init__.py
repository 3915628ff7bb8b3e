"""A data set's files: written whole and synced, read without trust, and never anyone else's."""
