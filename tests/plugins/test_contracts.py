"""Every plug-in of the repository keeps to the contract."""

from esegeta.registry import find
from esegeta.testing import MethodContract, MetricContract, WrapperContract
from tests.cases import Deeper, SelfExplaining, Transformer, cases_of

#: What makes a method cheap on the test networks; a method that is not named runs with its defaults.
CHEAP = {
    "smooth_grad": {"samples": 8},
    "integrated_gradients": {"steps": 24, "tolerance": 0},
    "gradient_shap": {"samples": 8},
    "layer_gradient_shap": {"samples": 8},
    "layer_conductance": {"steps": 6},
    "layer_integrated_gradients": {"steps": 6},
    "contrastive_excitation_backprop": {"contrast": "late"},
    "internal_influence": {"steps": 6},
    "score_cam": {"channels": 8},
    "ablation_cam": {"channels": 8},
    "opti_cam": {"steps": 4},
    "feature_ablation": {"groups": "grid", "count": 12},
    "feature_permutation": {"groups": "grid", "count": 4, "repeats": 2},
    "shapley_sampling": {"groups": "grid", "count": 4, "permutations": 2},
    "kernel_shap": {"groups": "grid", "count": 4, "samples": 14},
    "deep_lift_shap": {"samples": 3, "baseline": "zero"},
    "layer_deep_lift_shap": {"samples": 3, "baseline": "zero"},
    "occlusion": {"window": 4},
    "rise": {"masks": 60, "grid": 3},
    "deep_dream": {"steps": 2, "octaves": 2},
    "extremal_perturbation": {"areas": [0.2, 0.4], "iterations": 4, "cells": 6},
    "layer_visualisation": {"steps": 4},
    "lime": {"groups": "grid", "count": 4, "samples": 20},
    "shap": {"groups": "grid", "count": 4},
    "feature_visualisation": {"steps": 4},
    "inverted_representation": {"steps": 4},
    "activation_grid": {"cells": 2, "steps": 3},
    "activation_atlas": {"cells": 2, "steps": 3, "samples": 8},
    "diff_explainer": {"positions": [-6.0, 6.0], "classes": 2, "steps": 25},
    "infidelity": {"samples": 16},
    "sensitivity": {"samples": 2},
    "srg": {"groups": "grid", "count": 4, "steps": 3},
    "r_srg": {"groups": "grid", "count": 4, "steps": 3, "draws": 2},
    "randomisation": {"depths": 2, "seeds": 2},
}


#: Networks of methods that not every network serves.
ON = {
    "attention_rollout": Transformer,
    "gradient_attention_rollout": Transformer,
    "contrastive_excitation_backprop": Deeper,
    "last_attention": Transformer,
    "one_for_all": SelfExplaining,
}


#: What makes cheap what a method's training builds on.
BASES = {"diff_explainer": {"widths": [8], "latent": 4, "learning_rate": 0.01}}


def _contract(name: str, family: str) -> type:
    base = {"wrapper": WrapperContract, "metric": MetricContract}.get(family, MethodContract)
    members = {"plugin": name, "parameters": CHEAP.get(name, {})}
    if name in BASES:
        members["base"] = BASES[name]
    if name in ON:
        members["cases"] = cases_of(ON[name])
    return type(f"Test_{name.replace('.', '_')}", (base,), members)


# One class per plug-in, made from the registry: a new file is tested without an edit here. Those of
# other libraries are in test_adapters.py.
for _plugin in (one for one in find().plugins.values() if one.library is None):
    _class = _contract(_plugin.name, _plugin.family)
    globals()[_class.__name__] = _class


def test_every_plugin_is_available():
    found = find()
    assert not found.unavailable
    assert len(found.plugins) >= 16
