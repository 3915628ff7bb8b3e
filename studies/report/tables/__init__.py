"""The tables: one file each, with its caption, the files it needs and its rows."""
