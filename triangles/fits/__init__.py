"""Find pictures in images: one file a kind of picture, named by the kind that it fits."""
