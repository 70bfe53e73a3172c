"""The JSON file of a run as typed models; nothing here imports torch by itself."""

from esegeta.config.check import check
from esegeta.config.files import expand, references
from esegeta.config.loading import dump, examine, load, parse, plugin_folders, validate
from esegeta.config.models import (
    DEFAULT_WRAPPER,
    Config,
    Execution,
    Image,
    Method,
    Metric,
    Model,
    Step,
    Target,
)
from esegeta.config.schema import schema
from esegeta.config.targets import class_names, target_of

__all__ = [
    "DEFAULT_WRAPPER",
    "Config",
    "Execution",
    "Image",
    "Method",
    "Metric",
    "Model",
    "Step",
    "Target",
    "check",
    "class_names",
    "dump",
    "examine",
    "expand",
    "load",
    "parse",
    "plugin_folders",
    "references",
    "schema",
    "target_of",
    "validate",
]
