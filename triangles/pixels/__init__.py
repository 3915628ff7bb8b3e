"""From drawn pixels to a data set's pixels: file codecs and resizing, image by image or block by block."""
