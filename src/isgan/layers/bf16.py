"""Convolutions in bfloat16 where the processor has instructions for it: in the sender's half alone, so that what a stego image reveals
is the same everywhere, and for Table 5 alone, so that what `isgan hide` makes is too."""

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch

_allowed = ContextVar("allowed", default=False)


@contextmanager
def bf16_allowed() -> Iterator[None]:
    """Inside, networks may take what they put into `bf16_where_fast` in bfloat16."""
    before = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(before)


def bf16_where_fast() -> AbstractContextManager[object]:
    """Around a part of a network that loses less than .05 dB by it; about twice as fast on CPUs with AVX-512 BF16 or AMX.

    Does nothing outside `bf16_allowed`, nor with a gradient (the trainer's own autocast stays as it is), on a GPU, on other CPUs and in
    an exported graph, which other processors run.
    """
    if not _allowed.get() or torch.is_grad_enabled() or torch.compiler.is_compiling() or not native():
        return nullcontext()
    return torch.autocast("cpu", torch.bfloat16)


@functools.cache
def native() -> bool:
    """Whether the CPU multiplies bfloat16 itself; without that, torch does it more slowly than float32."""
    if not hasattr(torch.cpu, "get_capabilities"):  # torch before 2.10
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
