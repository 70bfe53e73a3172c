"""The desktop wizard: a client of the config, the command line and the run folder; no torch."""
