"""Trainings: what is learnt before it explains."""
