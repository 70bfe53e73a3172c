"""Whether a traced or exported network was fixed to training, which `eval()` cannot undo."""

from collections.abc import Iterator

import torch
from torch import nn

from esegeta.errors import ModelError

DROPOUT, NORM = "dropout", "batch_norm"
_P, _TRAIN = 1, 2
"""Which inputs of `aten::dropout` are the probability and the training flag."""
_MEAN, _NORM_TRAINS = 3, 5
"""Which inputs of `aten::batch_norm` are the running mean and the training flag."""


def check_evaluates(name: str, saved: nn.Module | torch.export.ExportedProgram) -> None:
    """Refuse a network whose dropout or batch norm is fixed to training.

    Its maps would differ from call to call, or with the batch.

    Raises
    ------
    ModelError
        If it is.
    """
    exported = isinstance(saved, torch.export.ExportedProgram)
    operations = _exported(saved) if exported else _scripted(saved)  # type: ignore[arg-type]
    for operation, values in operations:
        drops = operation == DROPOUT and values[_TRAIN] is True and values[_P] != 0
        # Without running statistics a norm rightly takes those of the image.
        norms = operation == NORM and values[_NORM_TRAINS] is True and values[_MEAN] is not None
        if drops or norms:
            raise ModelError(
                f"{name!r} was saved in training mode, its {operation} fixed to that; call eval() on "
                f"the network before {'torch.export.export' if exported else 'torch.jit.trace'}."
            )


def _exported(program: torch.export.ExportedProgram) -> Iterator[tuple[str, list[object]]]:
    for node in program.graph.nodes:
        name = str(node.target).removeprefix("aten.").partition(".")[0]
        if node.op == "call_function" and name in (DROPOUT, NORM):
            yield name, list(node.args)


def _scripted(module: nn.Module) -> Iterator[tuple[str, list[object]]]:
    graph = getattr(module, "inlined_graph", None)
    if graph is None:
        return
    for name in (DROPOUT, NORM):
        for node in graph.findAllNodes(f"aten::{name}", recurse=True):
            inputs = list(node.inputs())
            constant = [i.node().kind() == "prim::Constant" for i in inputs]
            # What is computed is shown as itself: neither True, nor None, nor 0.
            yield name, [i.toIValue() if c else i for i, c in zip(inputs, constant, strict=True)]
