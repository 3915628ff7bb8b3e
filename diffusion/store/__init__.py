"""Files, names, locks, records and the console: the ground floor of this room. Never imports torch."""
