"""How far a map can be trusted."""
