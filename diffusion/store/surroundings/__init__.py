"""What a command runs in: streams and variables, memory, a terminal that shows how far it is."""
