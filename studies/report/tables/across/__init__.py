"""Tables that show several scales side by side."""
