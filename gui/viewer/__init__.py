"""The viewer of maps: planes, overlays, methods side by side."""
