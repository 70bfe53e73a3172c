"""esegeta shows what an image model looks at."""

from importlib import import_module
from typing import TYPE_CHECKING

from esegeta.version import __version__

if TYPE_CHECKING:
    from esegeta.checks import CheckFailed as CheckFailed
    from esegeta.engine import explain as explain
    from esegeta.errors import ConfigError as ConfigError
    from esegeta.errors import EsegetaError as EsegetaError
    from esegeta.errors import ImageError as ImageError
    from esegeta.errors import MethodError as MethodError
    from esegeta.errors import ModelError as ModelError
    from esegeta.errors import PluginError as PluginError
    from esegeta.errors import RunError as RunError
    from esegeta.errors import TargetError as TargetError
    from esegeta.evaluation import Case as Case
    from esegeta.evaluation import Imputation as Imputation
    from esegeta.evaluation import Measure as Measure
    from esegeta.explanation import Explanation as Explanation
    from esegeta.libraries import import_library as import_library
    from esegeta.libraries import library_call as library_call
    from esegeta.plugin import Param as Param
    from esegeta.plugin import Passes as Passes
    from esegeta.plugin import attribution as attribution
    from esegeta.plugin import explainability as explainability
    from esegeta.plugin import layer_attribution as layer_attribution
    from esegeta.plugin import metric as metric
    from esegeta.plugin import wrapper as wrapper
    from esegeta.probe import Baseline as Baseline
    from esegeta.probe import Layer as Layer
    from esegeta.probe import Patches as Patches
    from esegeta.probe import Probe as Probe
    from esegeta.probe import Region as Region
    from esegeta.probe import sliding_boxes as sliding_boxes
    from esegeta.runs import run as run

# Resolved on first use (PEP 562), so that `esegeta --help` and `validate` start without torch.
_HOME = {
    "EsegetaError": "errors",
    "RunError": "errors",
    "PluginError": "errors",
    "ImageError": "errors",
    "ConfigError": "errors",
    "MethodError": "errors",
    "ModelError": "errors",
    "TargetError": "errors",
    "explain": "engine",
    "CheckFailed": "checks",
    "Case": "evaluation",
    "Imputation": "evaluation",
    "Measure": "evaluation",
    "Explanation": "explanation",
    "import_library": "libraries",
    "library_call": "libraries",
    "Param": "plugin",
    "Passes": "plugin",
    "attribution": "plugin",
    "explainability": "plugin",
    "layer_attribution": "plugin",
    "metric": "plugin",
    "wrapper": "plugin",
    "Baseline": "probe",
    "Layer": "probe",
    "Patches": "probe",
    "Probe": "probe",
    "Region": "probe",
    "sliding_boxes": "probe",
    "run": "runs",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'esegeta' has no attribute '{name}'")
    return getattr(import_module(f"esegeta.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
