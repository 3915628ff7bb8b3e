"""Forward processes, which take an image's signal away."""
