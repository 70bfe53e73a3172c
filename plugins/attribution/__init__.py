"""Maps on the image."""
