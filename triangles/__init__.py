"""Triangle images with exact geometry: drawing, file codecs, data sets, best-fit triangles. Never imports torch."""
