"""The keys of a weights file matched with those of a network."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn.parameter import is_lazy

WRAPPERS = re.compile(r"((module|model|net|network|_orig_mod)\.)+")
"""What training frameworks put before every key of the network, and of nothing else."""
COUNTER = "num_batches_tracked"
"""Counts training steps; files from before torch 0.4.1 lack it and a prediction never uses it."""
COMPILED = "_orig_mod."
"""torch.compile puts this into the keys, wherever it was applied."""
SHOWN = 5


@dataclass(frozen=True)
class Fit:
    """How a file's tensors fit a network.

    Attributes
    ----------
    pairs : dict
        Key of the network → key of the file.
    missing, unexpected : list of str
        Keys of the network that the file lacks, and of the file that the network lacks.
    shapes : list of str
        Keys whose shapes differ, with both shapes.
    left_out : list of str
        Keys of the file outside the network's prefix, such as those of the loss.
    prefix : str
        What stands before the network's keys in the file.
    """

    pairs: dict[str, str]
    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    left_out: list[str]
    prefix: str

    @property
    def count(self) -> int:
        """How many keys are wrong; 0 where the file fits."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        """What is wrong: counts, and the first keys of each kind."""
        parts = [
            (self.missing, "{} of the network's keys {} missing in the file"),
            (self.unexpected, "{} of the file's keys {} unknown to the network"),
            (self.shapes, "{} {} of another shape"),
        ]
        return "".join(
            f"\n  {text.format(len(keys), 'is' if len(keys) == 1 else 'are')}: {_first(keys)}"
            for keys, text in parts
            if keys
        )


def fit(
    file: Mapping[str, Tensor],
    network: Mapping[str, Tensor],
    shared: Mapping[str, str],
) -> Fit:
    """Find the prefixes under which a file's tensors fit a network best.

    Parameters
    ----------
    file, network : mapping
        Keys and tensors of both.
    shared : mapping
        Keys of the network that are another name of one tensor → that tensor's first key.
    """
    candidates = [
        _fit(file, network, shared, removed, added)
        for removed, added in _prefixes(_plain(file), _plain(network))
    ]
    return min(candidates, key=lambda found: (found.count, len(found.left_out)))


def _fit(
    file: Mapping[str, Tensor],
    network: Mapping[str, Tensor],
    shared: Mapping[str, str],
    removed: str,
    added: str,
) -> Fit:
    in_file = {key.replace(COMPILED, ""): key for key in file}
    pairs: dict[str, str] = {}
    for key in network:
        wanted = removed + key.replace(COMPILED, "").removeprefix(added)
        if wanted in in_file:
            pairs[key] = in_file[wanted]
    given = {shared.get(key, key) for key in pairs}
    missing = [k for k in network if shared.get(k, k) not in given and not k.endswith(COUNTER)]
    used = set(pairs.values())
    spare = [key for key in file if key not in used and not key.endswith(COUNTER)]
    wrapped = WRAPPERS.fullmatch(removed) is not None
    outside = [k for k in spare if wrapped and not k.replace(COMPILED, "").startswith(removed)]
    shapes = [
        f"{key}: file {tuple(file[pair].shape)} ≠ network {tuple(network[key].shape)}"
        for key, pair in pairs.items()
        if not is_lazy(network[key]) and file[pair].shape != network[key].shape
    ]
    unexpected = [key for key in spare if key not in set(outside)]
    return Fit(pairs, missing, unexpected, shapes, outside, removed)


def _prefixes(file: Collection[str], network: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of what may stand before all keys in the file, and before all of the network."""
    pairs = {("", ""): None}  # a dict keeps the order
    for added in _common(network):
        keys = [key.removeprefix(added) for key in network]
        # One key names every prefix worth a trial: what stands before it in the file. Three, since
        # a file that does not fit may lack just the one.
        for probe in {*keys[:1], *keys[-1:], *sorted(keys, key=len)[-1:]}:
            found = [k.removesuffix(probe) for k in file if k.endswith(probe)]
            pairs |= {(k, added): None for k in found if not k or k.endswith(".")}
    return list(pairs)


def _common(keys: Collection[str]) -> list[str]:
    """Prefixes ending in a dot that all keys have, beginning with none."""
    parents = [key.split(".")[:-1] for key in keys]
    prefixes = [""]
    for parts in zip(*parents, strict=False):  # up to the shortest
        if len(set(parts)) > 1:
            break
        prefixes.append(f"{prefixes[-1]}{parts[0]}.")
    return prefixes


def _plain(keys: Collection[str]) -> list[str]:
    return [key.replace(COMPILED, "") for key in keys if not key.endswith(COUNTER)]


def _first(keys: list[str]) -> str:
    rest = f", and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + rest
