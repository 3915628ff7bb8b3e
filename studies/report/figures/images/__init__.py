"""Figures made of images."""
