"""From what runs left to numbers."""
