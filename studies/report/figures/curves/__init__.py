"""Figures made of lines, over the epochs, the time steps or the noise."""
