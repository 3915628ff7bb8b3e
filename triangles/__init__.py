"""Triangle images with exact geometry: drawing, file codecs, data sets, best-fit triangles. No torch here."""
