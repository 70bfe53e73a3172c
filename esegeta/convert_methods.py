"""From a method of TorchEsegeta to one of esegeta: names, parameters, layers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from esegeta.config.fields import as_name
from esegeta.errors import counted, nearest, shorten
from esegeta.plugin import Plugin

METHODS = {
    "captum_Saliency": "saliency",
    "captum_Integrated_Gradients": "integrated_gradients",
    "captum_Feature_Ablation": "feature_ablation",
    "captum_occlusion": "occlusion",
    "captum_guided_backprop": "guided_backprop",
    "captum_deep_lift": "deep_lift",
    "captum_deconvolution": "deconvolution",
    "captum_guided_grad_cam": "guided_grad_cam",
    "captum_layer_activaltion": "layer_activation",
    "captum_layer_conductance": "layer_conductance",
    "captum_layer_grad_shap": "layer_gradient_shap",
    "captum_gradient_shap": "gradient_shap",
    "captum_internal_influence": "internal_influence",
    "captum_input_x_gradient": "input_x_gradient",
    "captum_deep_lift_shap": "deep_lift_shap",
    "captum_LayerGradientXActivation": "layer_gradient_x_activation",
    "captum_LayerDeepLift": "layer_deep_lift",
    "captum_LayerGradCam": "grad_cam",
    "captum_ShapleyValueSampling": "shapley_sampling",
    "cnn_vis_guided_backprop": "guided_backprop",
    "cnn_vis_integrated_grad": "integrated_gradients",
    "cnn_vis_guided_grad_cam": "guided_grad_cam",
    "cnn_vis_score_cam": "score_cam",
    "cnn_vis_vanilla_backprop": "saliency",
    "cnn_vis_grad_cam": "grad_cam",
    "cnn_vis_grad_times_image": "input_x_gradient",
    "cnn_vis_layer_activation_guided_backprop": "layer_guided_backprop",
    "cnn_vis_layer_visualization": "layer_visualisation",
    "cnn_vis_DeepDream": "deep_dream",
    "torchray_excitation_backprop": "excitation_backprop",
    "torchray_contrast_excitation_backprop": "contrastive_excitation_backprop",
    "torchray_Rise": "rise",
    "torchray_Deconv": "deconvolution",
    "torchray_Gradcam": "grad_cam",
    "torchray_Gradient": "saliency",
    "torchray_Guidedbackprop": "guided_backprop",
    "torchray_Linearapprox": "linear_approximation",
    "lucent_render_vis": "feature_visualisation",
    "lime_segmentation": "lime",
}
"""Its 39 ids, and the method of the same definition. Of two ids that are one, one is kept."""

PARAMETERS = {
    "n_steps": ("steps",),
    "steps": ("steps",),
    "num_iter": ("steps",),
    "iterations": ("steps",),
    "n_samples": ("samples", "permutations"),
    "num_samples": ("samples", "permutations"),
    "num_masks": ("masks",),
    "num_cells": ("grid",),
    "num_features": ("features",),
    "baselines": ("baseline",),
    "baseline": ("baseline",),
    "sliding_window_shapes": ("window",),
    "strides": ("stride",),
    "abs": ("absolute",),
    "relu_attributions": ("relu",),
    "channel": ("channel",),
    "filter": ("channel",),
    "contrast_layer": ("contrast",),
}
"""Keywords of its methods, and what they are here."""

LAYERS = ("layer", "layers", "layer_name", "target_layer", "saliency_layer")
CLASSES = ("target", "target_class")

DECIDED = {
    "perturbations_per_eval",
    "internal_batch_size",
    "batch_size",
    "show_progress",
    "return_convergence_delta",
    "return_inputs",
    "verbose",
    "device_ids",
    "resize",
    "seed",
}
"""Keywords that say how to compute, which is decided by memory and by the execution."""

DRAWN = {"visualize_method", "sign", "show_colorbar", "inpt_transform_req"}
RUN = {"library", "device_id", "share_gpu", "use", "method_name", "keywords", "title"}
JUDGED = {
    "uncertainity_metrics": ("infidelity", "sensitivity"),
    "uncertainity_cascading": ("randomisation",),
}
"""Switches of a method, and the metrics that they turn on."""
PATCHED = {"patch_required"}

Note = Callable[[str], None]


def literal(value: Any) -> Any:
    """Read what TorchEsegeta evaluated, where it is a number, a list or a constant: nothing is run."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return list(value) if isinstance(value, tuple) else value


def method(
    entry: Mapping[str, Any], methods: Mapping[str, Plugin], ndim: int | None, note: Note
) -> dict[str, Any] | None:
    """Convert one method; None where it is not one, or switched off.

    Parameters
    ----------
    methods : mapping
        The methods there are, by name.
    ndim : int, optional
        Axes of the images, where the config says.
    note : callable
        Takes what had to be chosen or left out.
    """
    old = entry.get("method_name")
    if not isinstance(old, str) or old not in METHODS:
        guess = nearest(old, METHODS) if isinstance(old, str) else None
        hint = f"; did you mean {guess!r}?" if guess else ""
        note(f"there is no method {shorten(old)} in TorchEsegeta{hint}: left out")
        return None
    if "use" in entry and not literal(entry["use"]):
        note(f"{old} is switched off: left out")
        return None
    known = {*DRAWN, *RUN, *JUDGED, *PATCHED}
    for key in entry:
        if key not in known:
            guess = nearest(key, known)
            note(f"{old}: unknown key {key!r}" + (f"; did you mean {guess!r}?" if guess else ""))
    plugin = methods[METHODS[old]]
    made: dict[str, Any] = {"use": plugin.name}
    keywords = entry.get("keywords", {})
    if not isinstance(keywords, Mapping):
        note(f"{old}: its keywords are {shorten(keywords)}, not an object: left out")
        keywords = {}
    _keywords(old, plugin, keywords, ndim, made, note)
    if plugin.takes_layer and "layers" not in made:
        note(f'{old}: no layer is named; "auto" takes the last with a grid')
        made["layers"] = ["auto"]
    if old == "torchray_Gradient":
        made.setdefault("with", {})["absolute"] = True
    baseline = plugin.parameters.model_fields.get("baseline")
    needed = baseline is not None and baseline.default == "reference"
    if needed and "baseline" not in made.setdefault("with", {}):
        note(f'{old}: no reference images are named; the baseline is "zero", with noise')
        made["with"]["baseline"] = "zero"
    title = entry.get("title")
    if isinstance(title, str) and title.strip():
        made["name"] = as_name(title.strip()[:60].rstrip(), plugin.name)
    return made


def metrics(entry: Mapping[str, Any]) -> list[str]:
    """Name the metrics that were asked for one method."""
    return [name for key, names in JUDGED.items() if literal(entry.get(key)) for name in names]


def _keywords(
    old: str,
    plugin: Plugin,
    keywords: Mapping[str, Any],
    ndim: int | None,
    made: dict[str, Any],
    note: Note,
) -> None:
    parameters: dict[str, Any] = {}
    for key, raw in keywords.items():
        value = literal(raw)
        if key in LAYERS:
            layers = [name for name in (value if isinstance(value, list) else [value]) if name]
            if plugin.takes_layer and layers and all(isinstance(name, str) for name in layers):
                made["layers"] = list(dict.fromkeys(layers))
            continue
        if key in CLASSES:
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                made["target"] = {"class": value}
            elif isinstance(value, (int, str)) and value not in (-1, ""):
                note(f"{old}: {key} {value!r} is no number of a class: left out")
            continue
        if key in DECIDED:
            continue
        if key == "p" and plugin.name == "rise" and isinstance(value, float) and 0 < value < 1:
            parameters["keep"] = 1 - value  # TorchRay's p is the chance that a cell is hidden
            continue
        if key in ("sliding_window_shapes", "strides") and isinstance(value, list):
            value = value[-ndim:] if ndim is not None and len(value) > ndim else value
        fields = plugin.parameters.model_fields
        name = next((n for n in PARAMETERS.get(key, (key,)) if n in fields), None)
        if name is None:
            guess = nearest(key, [*PARAMETERS, *LAYERS, *CLASSES])
            hint = f" ({guess!r}?)" if guess and guess != key else ""
            note(f"{old}: {plugin.name} has nothing like the keyword {key!r}{hint}: left out")
            continue
        try:
            plugin.validate({**parameters, name: value})
        except ValidationError as error:
            # Of a method with required parameters, only what is wrong with this one counts.
            if any(name in problem["loc"] for problem in error.errors()):
                note(f"{old}: {key} = {shorten(raw)} is no {name} of {plugin.name}: left out")
                continue
        parameters[name] = value
    if parameters:
        made["with"] = parameters


def distinct(methods: list[dict[str, Any]], note: Note) -> list[dict[str, Any]]:
    """Drop what is asked twice, and give those that share a name one of their own."""
    kept: list[dict[str, Any]] = []
    same = 0
    for made in methods:
        bare = {key: value for key, value in made.items() if key != "name"}
        if any(bare == {k: v for k, v in one.items() if k != "name"} for one in kept):
            same += 1
        else:
            kept.append(made)
    if same:
        note(
            f"{counted(same, 'method')} of other libraries that compute what another one does: left out"
        )
    names: set[str] = set()
    for made in kept:
        wanted = name = made.get("name", as_name(made["use"], "method"))
        number = 2
        while name.lower() in names:
            name, number = f"{wanted} {number}", number + 1
        names.add(name.lower())
        if name != made["use"]:
            made["name"] = name
        else:
            made.pop("name", None)
    return kept
