"""Figures that put several measures of each cell side by side."""
