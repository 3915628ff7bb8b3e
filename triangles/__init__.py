"""Make and check images of pictures with known geometry: kinds, rendering, data sets, fits. Never imports torch."""
