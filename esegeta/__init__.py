"""esegeta shows what an image model looks at."""

from importlib import import_module
from typing import TYPE_CHECKING

from esegeta.version import __version__

if TYPE_CHECKING:
    from esegeta.checks import CheckFailed as CheckFailed
    from esegeta.decorators import attribution as attribution
    from esegeta.decorators import explainability as explainability
    from esegeta.decorators import layer_attribution as layer_attribution
    from esegeta.decorators import metric as metric
    from esegeta.decorators import training as training
    from esegeta.decorators import wrapper as wrapper
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
    from esegeta.learning import Artifact as Artifact
    from esegeta.learning import Course as Course
    from esegeta.learning import Learner as Learner
    from esegeta.learning.api import Trained as Trained
    from esegeta.learning.api import train as train
    from esegeta.libraries import import_library as import_library
    from esegeta.libraries import library_call as library_call
    from esegeta.passes import Passes as Passes
    from esegeta.probe import Baseline as Baseline
    from esegeta.probe import Layer as Layer
    from esegeta.probe import Patches as Patches
    from esegeta.probe import Probe as Probe
    from esegeta.probe import Region as Region
    from esegeta.probe import resample as resample
    from esegeta.probe import sliding_boxes as sliding_boxes
    from esegeta.runs import run as run
    from esegeta.signature import Param as Param
    from esegeta.strip import Strip as Strip
    from esegeta.strip import Way as Way

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
    "Param": "signature",
    "Passes": "passes",
    "attribution": "decorators",
    "explainability": "decorators",
    "layer_attribution": "decorators",
    "metric": "decorators",
    "training": "decorators",
    "wrapper": "decorators",
    "Baseline": "probe",
    "Layer": "probe",
    "Patches": "probe",
    "Probe": "probe",
    "Region": "probe",
    "resample": "probe",
    "sliding_boxes": "probe",
    "run": "runs",
    "Artifact": "learning",
    "Course": "learning",
    "Learner": "learning",
    "Strip": "strip",
    "Way": "strip",
    "Trained": "learning.api",
    "train": "learning.api",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'esegeta' has no attribute '{name}'")
    return getattr(import_module(f"esegeta.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
