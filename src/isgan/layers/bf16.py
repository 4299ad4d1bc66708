"""Convolutions in bfloat16 where the processor has instructions for it: in the sender's half alone, so that what a stego image reveals
is the same everywhere. `qim` has none: its stego images are too."""

import functools
from contextlib import AbstractContextManager, nullcontext

import torch


def bf16_where_fast() -> AbstractContextManager[object]:
    """For a part of the sender's half that costs less than .05 dB so: about twice as fast on CPUs with AVX-512 BF16 or AMX.

    Does nothing with a gradient (the trainer's own autocast stays as it is), on a GPU, on other CPUs and in an
    exported graph, which other processors run.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or not native():
        return nullcontext()
    return torch.autocast("cpu", torch.bfloat16)


@functools.cache
def native() -> bool:
    """Whether the CPU multiplies bfloat16 itself; without that, torch does it more slowly than float32."""
    if not hasattr(torch.cpu, "get_capabilities"):  # torch before 2.10
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
