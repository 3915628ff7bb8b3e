"""Figures of measures, cell by cell, and of the claims that rest on them."""
