"""Pictures of maps, and one self-contained page per run."""
