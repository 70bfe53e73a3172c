"""Which rule of relevance serves which function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esegeta.probe.rules.shares import Shares

Kind = Literal["epsilon", "gamma", "zplus", "composite", "excitation"]


@dataclass(frozen=True)
class Relevance:
    """How relevance is shared out: which rule serves which function.

    Attributes
    ----------
    kind : {"epsilon", "gamma", "zplus", "composite", "excitation"}
        ``composite`` gives dense functions the first rule, convolutions the third.
    epsilon, gamma : float
    """

    kind: Kind
    epsilon: float = 0.0
    gamma: float = 0.0

    @property
    def dense(self) -> Shares:
        """The rule of linear layers and matrix products."""
        return Shares(1, 0, self.epsilon) if self.kind == "composite" else self.spread

    @property
    def spread(self) -> Shares:
        """The rule of convolutions, sums and pools."""
        if self.kind == "epsilon":
            return Shares(1, 0, self.epsilon)
        if self.kind == "gamma":
            return Shares(1, self.gamma)
        return Shares(0, 1, excitatory=self.kind == "excitation")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Functions of one number: what is relevant to the value is relevant to it.
ACTIVATIONS = _words(
    "relu relu6 hardtanh leaky_relu elu celu selu rrelu prelu gelu silu mish hardswish hardsigmoid "
    "hardshrink softshrink tanhshrink softsign softplus threshold logsigmoid sigmoid tanh abs "
    "clamp clamp_min clamp_max maximum minimum square sqrt pow erf softmax softmin log1p atan "
    "nan_to_num"
)

#: Functions that say how much of something else passes: held constant where they multiply it.
GATES = _words(
    "sigmoid hardsigmoid softmax softmin rsqrt reciprocal sqrt std var norm linalg_norm "
    "linalg_vector_norm frobenius_norm exp tanh"
)

#: Functions behind which a gate is one still.
SHAPED = _words(
    "view reshape expand expand_as unsqueeze squeeze flatten transpose permute clone contiguous to "
    "type_as dropout alias movedim repeat_interleave repeat add clamp_min clamp __getitem__"
)

#: Sums of many whose weights are all positive.
GATHERING = _words(
    "sum mean avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d interpolate upsample upsample_nearest upsample_bilinear upsample_nearest1d "
    "upsample_nearest2d upsample_nearest3d upsample_bilinear2d upsample_trilinear3d upsample_linear1d"
)

#: Functions of which the largest input gets all.
WINNING = _words(
    "max_pool1d max_pool2d max_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "max amax min amin maximum minimum where masked_fill"
)

#: Functions that may take constants in beside what depends on the image.
MERGING = _words(
    "cat stack hstack vstack dstack column_stack where masked_fill __setitem__ pad constant_pad_nd "
    "index_put index_fill index_copy scatter masked_scatter slice_scatter select_scatter lerp"
)

CONVOLUTIONS = _words(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution"
)
BIASED_PRODUCTS = _words("addmm addmv baddbmm")
