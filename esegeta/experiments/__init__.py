"""Experiments of papers as commands: a config in, a table and a figure out."""

from esegeta.experiments.command import run
from esegeta.experiments.outcome import Outcome, Row, bars, bootstrap, lines, standard_error
from esegeta.experiments.registry import Experiment, experiment, find, get
from esegeta.experiments.study import Study, Subject, Use

__all__ = [
    "Experiment",
    "Outcome",
    "Row",
    "Study",
    "Subject",
    "Use",
    "bars",
    "bootstrap",
    "experiment",
    "find",
    "get",
    "lines",
    "run",
    "standard_error",
]
