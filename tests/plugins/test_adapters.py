"""Every adapter of another library keeps to the contract where it serves, and says where it does not."""

from collections import OrderedDict

import torch
from torch import nn

from esegeta.registry import find
from esegeta.testing import CASES, Case, MethodContract

#: What makes an adapter cheap on the test networks; one that is not named runs with its defaults.
CHEAP = {
    "captum.integrated_gradients": {"steps": 24},
    "captum.gradient_shap": {"samples": 6},
    "captum.noise_tunnel": {"samples": 6},
    "captum.deep_lift_shap": {"samples": 2},
    "captum.occlusion": {"window": 6, "stride": 1},
    "captum.feature_ablation": {"groups": "grid", "count": 12},
    "captum.feature_permutation": {"groups": "grid", "count": 4, "references": 2},
    "captum.shapley_value_sampling": {"groups": "grid", "count": 4, "permutations": 3},
    "captum.shapley_values": {"groups": "grid", "count": 4},
    "captum.kernel_shap": {"groups": "grid", "count": 4, "samples": 20},
    "captum.layer_conductance": {"steps": 6},
    "captum.internal_influence": {"steps": 6},
    "captum.layer_integrated_gradients": {"steps": 6},
    "captum.layer_gradient_shap": {"samples": 6},
    "captum.layer_deep_lift_shap": {"samples": 2},
    "captum.layer_feature_ablation": {"count": 4},
    "torchray.rise": {"masks": 60, "grid": 3},
    "torchray.extremal_perturbation": {"areas": [0.2, 0.4], "steps": 4, "stride": 2, "sigma": 3},
    "torchray.contrastive_excitation_backprop": {"contrast": "head.0"},
    "lime.image": {"groups": "grid", "count": 4, "samples": 20},
    "shap.partition": {"groups": "grid", "count": 4, "samples": 20},
    "shap.gradient": {"samples": 6},
    "shap.deep": {"samples": 2},
    "lucent.feature_visualisation": {"steps": 3, "channel": 1},
    "captum.lime": {"groups": "grid", "count": 4, "samples": 20, "alpha": 1e-4},
}
WHOLE = [case for case in CASES if not case.patched]


class Straight(Case):
    """A classifier without shortcuts, in modules alone: what Captum's LRP has rules for."""

    def model(self):
        conv, norm, pool = (
            getattr(nn, f"{kind}{self.ndim}d") for kind in ("Conv", "BatchNorm", "MaxPool")
        )
        with torch.random.fork_rng():
            torch.manual_seed(1)
            front = [conv(2, 6, 3, padding=1), norm(6), nn.ReLU(), pool(2)]
            mean = nn.AvgPool2d((8, 6)) if self.ndim == 2 else nn.AvgPool3d((6, 4, 4))
            head = [nn.ReLU(), mean, nn.Flatten(), nn.Linear(8, 3)]
            net = nn.Sequential(OrderedDict(front=nn.Sequential(*front)))
            net.add_module("middle", conv(6, 8, 3, padding=1))
            net.add_module("head", nn.Sequential(*head))
            for _ in range(3):
                net(torch.randn(4, 2, *self.spatial))
        return net.eval()

    @property
    def spatial(self):
        return (16, 12) if self.ndim == 2 else (12, 8, 8)


class Colour(Case):
    """A network of colour pictures."""

    def model(self):
        net = super().model()
        net.first = nn.Conv2d(3, 6, 3, padding=1)
        with torch.random.fork_rng():
            torch.manual_seed(2)
            net.first.reset_parameters()
        return net

    def image(self):
        return torch.cat([super().image(), super().image()[:1].flip(1)])


#: Networks on which an adapter serves, where the contract's own has what its library cannot do.
STRAIGHT = [Straight(ndim, "classification") for ndim in (2, 3)]
OWN = {
    "captum.lrp": STRAIGHT,
    "captum.layer_lrp": STRAIGHT,
    "torchray.excitation_backprop": [*STRAIGHT, Case(2, "segmentation")],
    "torchray.contrastive_excitation_backprop": STRAIGHT,
    "lucent.feature_visualisation": [
        Colour(case.ndim, case.task, case.patched) for case in CASES if case.ndim == 2
    ],
}


class AdapterContract(MethodContract):
    """The contract with two reference images, which some libraries need."""

    def probe(self, case, model=None, **options):
        generator = torch.Generator().manual_seed(9)
        others = torch.rand((2, *case.image().shape), generator=generator)
        return super().probe(case, model, references=tuple(others), **options)


def _contract(plugin):
    members = {"plugin": plugin.name, "parameters": CHEAP.get(plugin.name, {})}
    if plugin.takes_layer:
        members["cases"] = (
            WHOLE  # a library that hooks a layer sees no image that passes in patches
        )
    if plugin.name in OWN:
        members["cases"] = OWN[plugin.name]
    return type(f"Test_{plugin.name.replace('.', '_')}", (AdapterContract,), members)


for _plugin in (one for one in find().methods() if one.library is not None):
    _class = _contract(_plugin)
    globals()[_class.__name__] = _class
