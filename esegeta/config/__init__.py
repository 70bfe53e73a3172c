"""The JSON file of a run as typed models; nothing here imports torch by itself."""

from esegeta.config.check import FP16_ON_CPU, check
from esegeta.config.execution import Execution
from esegeta.config.files import expand, references
from esegeta.config.loading import dump, examine, load, parse, plugin_folders, validate
from esegeta.config.models import (
    DEFAULT_WRAPPER,
    Config,
    Image,
    Method,
    Metric,
    Model,
    Step,
    Target,
)
from esegeta.config.schema import schema
from esegeta.config.targets import artifact_of, base_of, class_names, model_of, target_of
from esegeta.config.training import Data, Training

__all__ = [
    "DEFAULT_WRAPPER",
    "FP16_ON_CPU",
    "Config",
    "Data",
    "Execution",
    "Image",
    "Method",
    "Metric",
    "Model",
    "Step",
    "Target",
    "Training",
    "artifact_of",
    "base_of",
    "check",
    "class_names",
    "dump",
    "examine",
    "expand",
    "load",
    "model_of",
    "parse",
    "plugin_folders",
    "references",
    "schema",
    "target_of",
    "validate",
]
