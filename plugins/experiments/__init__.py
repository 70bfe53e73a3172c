"""Experiments of papers, one file each."""
