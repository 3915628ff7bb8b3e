"""What measures can tell apart, found on images of which the truth is known."""
