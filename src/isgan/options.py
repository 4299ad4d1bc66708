"""How a secret is hidden: every choice that a user has, in one place."""

import numbers
import os
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from isgan.errors import IsganError

Risk: TypeAlias = Literal["low", "medium", "high"]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]
Engine: TypeAlias = Literal["torch", "openvino"]
Strength: TypeAlias = int | Literal["auto"]

DEFAULT = "adaptive"
NUMBERS = {float: numbers.Real, int: numbers.Integral}  # numpy's too
NO_PASS_PHRASE = "isgan: no pass phrase"
"""In place of a pass phrase: public, so that anyone with isgan reads what it hides."""


@dataclass(frozen=True)
class Options:
    """Options of `hide`; they travel unchanged from the command line or the caller to the scheme.

    Attributes:
        model: a name that `isgan models` lists, or the path of a .safetensors file.
        risk: how much may be embedded: "low", "medium", or "high", all that the cover can carry. Embedding models only.
        quality: PSNR in dB that the secret has to have; None for the best up to 40 dB that the risk allows. Embedding models only.
        exact: hide the secret's own bytes, which come back unchanged. Embedding models only.
        codec: how the secret is compressed; None for the model's own. Embedding models only.
        scale: the cover is scaled down by this factor first, in (0, 1].
        gray: hide the secret without its colours. Embedding models keep colours otherwise, neural models do not.
        color: hide the secret in colour with a neural model that can.
        fit: how a neural model brings the secret to the cover's size.
        strength: of a neural model with such a dial, or "auto".
        polish: steps in which a neural model makes the result better for this pair.
        min_secret_psnr: no file is left if the secret comes back worse than this, in dB.
        engine: what a network runs in.
        jpeg_quality: of a JPEG stego image whose cover never was a JPEG, 1 to 98; None where the cover is one.
        frame: of an animated cover or secret, or one with several pages, which frame, from 1 on.
        strip_metadata: leave out EXIF, comments and the like that a JPEG cover has.
    """

    model: str = DEFAULT
    risk: Risk = "medium"
    quality: float | None = None
    exact: bool = False
    codec: str | None = None
    scale: float = 1.0
    gray: bool = False
    color: bool = False
    fit: Fit = "stretch"
    strength: Strength = "auto"
    polish: int = 0
    min_secret_psnr: float = 20.0
    engine: Engine = "torch"
    jpeg_quality: int | None = None
    strip_metadata: bool = False
    frame: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.model, os.PathLike):
            object.__setattr__(self, "model", os.fspath(self.model))
        for name, kind in get_type_hints(Options).items():
            value, kinds = getattr(self, name), get_args(kind) if isinstance(kind, UnionType) or get_origin(kind) is Union else (kind,)
            if not any(_fits(value, one) for one in kinds):
                raise IsganError(f"unknown {name} {value!r}: it is {' or '.join(map(_words, kinds))}")


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind in NUMBERS and isinstance(value, bool):
        return False
    return isinstance(value, NUMBERS.get(kind, kind))


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        return f"{', '.join(others)} or {last}" if others else str(last)
    return {float: "a number", int: "a whole number", bool: "True or False", str: "a name", NoneType: "None"}[kind]
