"""Maps on the grid of a layer."""
