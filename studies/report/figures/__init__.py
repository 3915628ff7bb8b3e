"""The figures: one file each, with its caption, the files it needs and its drawing."""
