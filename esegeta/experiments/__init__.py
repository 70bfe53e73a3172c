"""Experiments of papers as commands: a config in, a table and a figure out."""

from esegeta.experiments.command import run
from esegeta.experiments.outcome import (
    COLOURS,
    Outcome,
    Row,
    bars,
    bootstrap,
    lines,
    standard_error,
)
from esegeta.experiments.registry import Experiment, experiment, find, get
from esegeta.experiments.study import Study, Subject, Use
from esegeta.report.canvas import dress, legend, sheet

__all__ = [
    "COLOURS",
    "Experiment",
    "Outcome",
    "Row",
    "Study",
    "Subject",
    "Use",
    "bars",
    "bootstrap",
    "dress",
    "experiment",
    "find",
    "get",
    "legend",
    "lines",
    "run",
    "sheet",
    "standard_error",
]
