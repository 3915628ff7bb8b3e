"""What the workflow says on the terminal: a line a finished job, and live what is at work. Nothing depends on it."""
