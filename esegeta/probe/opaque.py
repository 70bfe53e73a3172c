"""Whether a model hides its functions from Python, where backward rules cannot reach them."""

from __future__ import annotations

import dis
from functools import lru_cache
from typing import Any

import torch
from torch import nn


def opaque(module: nn.Module) -> bool:
    """Whether a part of the model is scripted, traced or compiled, or calls a function that is."""
    return compiled(module) or any(_calls_compiled(type(part).forward) for part in module.modules())


def compiled(module: nn.Module) -> bool:
    """Whether a part of the model is scripted, traced or compiled: it also takes no hooks."""
    return any(_is_compiled(part) for part in module.modules())


def _is_compiled(part: nn.Module) -> bool:
    return (
        isinstance(part, torch.jit.ScriptModule)
        or type(part).__module__.startswith("torch._dynamo")
        or getattr(part, "_compiled_call_impl", None) is not None
    )


@lru_cache(1024)  # reading the code of every module takes as long as a small pass
def _calls_compiled(forward: Any) -> bool:
    """Whether a forward is, or calls, a function that is compiled by itself."""
    called = [forward]
    if hasattr(forward, "__code__"):
        steps = dis.get_instructions(forward.__code__)
        names = {step.argval for step in steps if step.opname == "LOAD_GLOBAL"}
        called += [forward.__globals__.get(name) for name in names]
    return any(
        isinstance(f, torch.jit.ScriptFunction) or "_torchdynamo_orig_callable" in dir(f)
        for f in called
    )
