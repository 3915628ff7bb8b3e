"""What keeps a GPU at work: draws made ahead by a thread, steps replayed as one graph, batches that fill its memory.

None of it changes a number: on a CPU the same calls are made one after another.
"""
