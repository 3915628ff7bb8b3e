"""The diffusion family: a network that learns to undo a process, and how images are drawn with it."""
