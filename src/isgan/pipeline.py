"""File to file: read a cover, hide, write, read back, reveal, compare. Knows no method and no format."""

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from isgan import models
from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.decoders import is_picture
from isgan.errors import IsganError, IsganWarning, require
from isgan.files import check_output, quoted, shortened, system_errors, write_file
from isgan.key import Key
from isgan.metrics.pictures import compare, psnr
from isgan.options import NO_PASS_PHRASE, Options, Risk
from isgan.picture import Source, read_picture
from isgan.schemes.base import Progress, Scheme, silent
from isgan.schemes.embedding import HEAD, TAG, Embedding
from isgan.secret import Secret
from isgan.sources import cover_of, secret_of, stego_of

BITS_A_PIXEL = {30.0: (0.60, 0.54), 33.5: (1.08, 0.46), 40.0: (2.73, 0.32)}
"""By PSNR in dB, what photographs in colour take as AVIF: bits a pixel at 256 x 256, and the power of the side by which smaller ones take
more (docs/results/codecs.csv)."""
MEASURED_SIDE = 256


@dataclass(frozen=True)
class Stego:
    """What `hide` made.

    Attributes:
        data: the file's bytes.
        picture: what a viewer shows, (H, W, 3) or (H, W) uint8.
        cover: what it showed before, of the same shape.
        delivered: the secret as the receiver gets it, revealed from `data`.
        facts: what is worth printing, by name.
    """

    data: bytes = field(repr=False)
    picture: np.ndarray = field(repr=False)
    cover: np.ndarray = field(repr=False)
    delivered: Secret
    facts: dict[str, Any]

    @property
    def image(self) -> Image.Image:
        """The stego image for Pillow. Saved in a format that loses something, it hides nothing any more."""
        return Image.fromarray(self.picture)

    def _repr_html_(self) -> str:
        from isgan.notebook import shown  # costs a fifth of a second

        pictures = {"stego image": self.picture}
        if self.delivered.picture is not None:
            pictures["secret, as it will be revealed"] = self.delivered.picture
        return shown(pictures, self.facts)

    def save(self, path: str | os.PathLike, force: bool = False) -> Path:
        """Writes the file, whole or not at all."""
        return write_file(check_output(path, force, suffixes=None), self.data, force)


def check(cover: Source, secret: Source, output: str | os.PathLike | None, options: Options, force: bool) -> None:
    """Refuses what cannot work before anybody is asked for a pass phrase or waits."""
    check_options(options)
    if options.jpeg_quality and output is not None and Path(output).suffix.lower() == ".png":
        raise IsganError("--jpeg-quality is for a .jpg stego image: leave it out, or name one")
    if output is not None:
        check_output(output, force, inputs=(cover, secret), suffixes=_suffixes(cover))


def check_options(options: Options) -> None:
    """Refuses options that are out of bounds or contradict each other."""
    if not 0 < options.scale <= 1:
        raise IsganError(f"a scale of {options.scale:g} is out of bounds: more than 0, at most 1")
    if options.exact and options.quality is not None:
        raise IsganError("--exact and --quality contradict each other: leave out one of them")
    if options.strength != "auto" and models.card(options.model)["scheme"] == "embedding":
        raise IsganError("--strength is for models with a dial, such as qim: leave it out, or take --quality")
    if options.quality is not None and not 20 <= options.quality <= 60:
        raise IsganError(f"a quality of {options.quality:g} dB is out of bounds: from 20 to 60, or --exact")
    if not options.min_secret_psnr < np.inf:
        raise IsganError(f"a minimum of {options.min_secret_psnr} dB is no bound: give --min-secret-psnr a number")
    _check_model(options)


def hide(cover: Source, secret: Source | Secret, output: str | os.PathLike | None, phrase: str | None, options: Options,
         force: bool = False, progress: Progress = silent) -> Stego:  # fmt: skip
    """Hides a secret in a cover, and saves the stego image once the secret was revealed from that very file.

    Args:
        cover: a picture.
        secret: a picture, or any file; or a `Secret`, as it is.
        output: where to, if anywhere.
        phrase: the pass phrase; None only for models without a key.
        options: see `Options`.
        force: overwrite an existing `output`.
        progress: called with work done and all work.

    Raises:
        IsganError: with one line that says what to do; then nothing was written.
    """
    scheme = models.load(options.model, options.engine)
    read = cover_of(cover, output, options)
    given = secret if isinstance(secret, Secret) else secret_of(secret, options, scheme, read)
    key = _key(phrase, scheme, read)
    hidden = scheme.hide(read, given, key, options, _half(progress, 0))
    data = hidden.stego.encode()
    facts = hidden.facts

    def verify(saved: bytes) -> None:
        again = type(read).read(saved, "the stego image")
        if not _same(scheme.reveal(again, key, _half(progress, 1)), hidden.delivered):
            raise IsganError("nothing was saved: the secret does not come back from the file as it should; please report this")

    if given.picture is not None and hidden.delivered.picture is not None and given.picture.shape == hidden.delivered.picture.shape:
        facts = facts | {"secret dB": psnr(hidden.delivered.picture, given.picture)}
        if not facts["secret dB"] >= options.min_secret_psnr:
            raise IsganError(
                f"nothing was saved: the secret would come back at {facts['secret dB']:.1f} dB, under the minimum of "
                f"{options.min_secret_psnr:g} dB; take a simpler secret, another cover, or a lower --min-secret-psnr"
            )
    picture, before = hidden.stego.pixels(), read.pixels()  # before anything is written: viewers may not show every JPEG
    scores = compare(picture, before)
    if output is None:
        verify(data)
    else:
        write_file(output, data, force, verify)
    if not scheme.keyed:
        warnings.warn("this model has no key: anyone with isgan can reveal what it hides", IsganWarning, stacklevel=2)
    return Stego(data, picture, before, hidden.delivered, {"stego dB": scores.psnr, "stego SSIM": scores.ssim} | facts)


@dataclass(frozen=True)
class Revealed:
    """What `reveal` found: the secret, where it was written, if anywhere, and facts worth printing."""

    secret: Secret
    path: Path | None
    facts: dict[str, Any]

    def _repr_html_(self) -> str:
        from isgan.notebook import shown

        return shown({} if self.secret.picture is None else {"secret": self.secret.picture}, self.facts)

    @property
    def image(self) -> Image.Image:
        """The secret for Pillow; `IsganError` if it is no picture."""
        if self.secret.picture is None:
            raise IsganError(f"the secret is no picture, but the file {quoted(self.secret.name)}: take secret.data")
        return Image.fromarray(self.secret.picture)


def reveal(stego: Source, output: str | os.PathLike | None, phrase: str | None, options: Options, force: bool = False,
           progress: Progress = silent) -> Revealed:  # fmt: skip
    """Reveals the secret of a stego image and writes it.

    Args:
        stego: the file, unchanged.
        output: a file, or a folder in which the secret gets its own name; None writes nothing.
        phrase, force, progress: see `hide`.
        options: its model and engine matter.

    Raises:
        NothingFound: another pass phrase, no secret, or a changed file.
        IsganError: with one line that says what to do.
    """
    secret = opened(stego, phrase, options, progress)
    if secret.part is not None:
        raise IsganError(f"this is {secret.part}: put all of them in a folder, and reveal the folder")
    path = None if output is None else write_file(*_written(secret, output, stego, force), force)
    facts: dict[str, Any] = {"name": secret.name} if secret.name else {}
    if secret.picture is None:
        return Revealed(secret, path, facts | {"bytes": len(secret.data or b"")})
    return Revealed(secret, path, facts | {"size": f"{secret.picture.shape[1]} x {secret.picture.shape[0]}"})


def opened(stego: Source, phrase: str | None, options: Options, progress: Progress = silent) -> Secret:
    """What a stego image hides, a part of a secret too; raises what `reveal` does."""
    scheme = models.load(options.model, options.engine)
    read = stego_of(stego)
    return scheme.reveal(read, _key(phrase, scheme, read), progress)


def check_reveal(stego: Source, output: str | os.PathLike | None, options: Options, force: bool) -> None:
    """Refuses what cannot work before anybody is asked for a pass phrase."""
    _check_model(options)
    if output is not None and _is_folder(output):
        if not Path(output).parent.is_dir():
            raise IsganError(f"the folder {quoted(Path(output).parent)} does not exist: create it first")
    elif output is not None:
        check_output(output, force, inputs=(stego,), suffixes=None)


def _check_model(options: Options) -> None:
    if models.card(options.model)["scheme"] == "neural":
        require("neural", "torch", "safetensors")


def keyed(model: models.Model) -> bool:
    """Whether a model needs a pass phrase."""
    facts = models.card(model)
    return facts["keyed"] if "keyed" in facts else models.load(model).keyed


def file_of(secret: Secret) -> bytes:
    """A secret as one file: its own bytes, or its picture as PNG."""
    if secret.picture is None:
        return secret.data or b""
    return covers["png"].prepared(secret.picture, secret.name, Options()).encode()


def own_name(secret: Secret) -> str:
    """What a secret's file is called in a folder: by the sender, who must not write settings that a system reads by itself, an option
    that a shell's `*` gives to a program, or a formula into a table of names."""
    name = Path(secret.name).name.lstrip(".-=+@ ") or "secret"
    return name if secret.picture is None else shortened(Path(name).stem, ".png")


def capacity(cover: Source, options: Options) -> dict[str, Any]:
    """What a cover takes at each risk: bytes, bits of them for each sample that can hide a change (of a JPEG: each non-zero AC
    coefficient of brightness), and as how large a typical photograph at 30, 33.5 and 40 dB."""
    scheme = models.load(options.model)
    if not isinstance(scheme, Embedding):
        raise IsganError(f"'{options.model}' hides a picture of the cover's size, whatever it is: ask for an embedding model")
    read = cover_of(cover, None, options)
    facts: dict[str, Any] = {"pixels": f"{read.pixels().shape[1]} x {read.pixels().shape[0]}"}
    for risk in get_args(Risk):
        room = scheme.room(read, risk)
        sides = {psnr: side_of(room, psnr) for psnr in BITS_A_PIXEL}
        facts[risk] = {"bytes": room, "rate": 8 * (HEAD + room + TAG) / read.weight if read.weight else 0.0} | {
            f"{psnr:g} dB": f"{side * 1.155:.0f} x {side / 1.155:.0f}" for psnr, side in sides.items()
        }
        said = scheme.risk_of(read, room)
        facts[risk] |= {"a detector errs in": said.share} if said else {}
    return facts


def side_of(room: int, psnr: float) -> float:
    """The side in pixels of the square photograph in colour that typically takes so many bytes, at a PSNR of `BITS_A_PIXEL`."""
    bits, power = BITS_A_PIXEL[psnr]
    share = (8 * room / bits) ** 0.5 / MEASURED_SIDE
    return MEASURED_SIDE * (share if share >= 1 else share ** (2 / (2 - power)))


def _suffixes(cover: Source) -> tuple[str, ...]:
    """Of the files that are written, first the one that suits the cover."""
    known = [suffix for name in reversed(covers.names()) for suffix in covers[name].suffixes]
    jpeg = isinstance(cover, str | os.PathLike) and Path(cover).suffix.lower() in covers["jpeg"].suffixes
    return tuple(sorted(known, key=lambda suffix: jpeg and suffix not in covers["jpeg"].suffixes))


def _key(phrase: str | None, scheme: Scheme, cover: Cover) -> Key:
    if scheme.keyed:
        if phrase is None:
            raise IsganError("no pass phrase: give pass_phrase, or isgan.NO_PASS_PHRASE and anyone with isgan reads the secret")
        return Key(phrase, cover.salt())
    return Key(NO_PASS_PHRASE, cover.salt())


def _same(one: Secret, other: Secret) -> bool:
    if one.name != other.name or one.part != other.part:
        return False
    if one.picture is None or other.picture is None:
        return one.data == other.data
    return np.array_equal(one.picture, other.picture)


def _is_folder(output: str | os.PathLike) -> bool:
    return str(output).endswith(("/", os.sep)) or Path(output).is_dir()


def _written(secret: Secret, output: str | os.PathLike, stego: Source, force: bool) -> tuple[Path, bytes]:
    """Where a secret goes, and as which bytes."""
    path = Path(output)
    if _is_folder(output):
        with system_errors(f"make the folder {quoted(path)}", "choose another one"):
            path.mkdir(exist_ok=True)
        path = path / own_name(secret)
    check_output(path, force, inputs=(stego,), suffixes=None)
    suffix = path.suffix.lower()
    if secret.data is not None and (secret.picture is None or suffix == secret.suffix):
        if secret.picture is None and suffix != Path(secret.name).suffix.lower() and secret.name:
            if suffix == ".png" and is_picture(secret.data):
                return path, covers["png"].prepared(read_picture(secret.data), secret.name, Options()).encode()
            raise IsganError(f"the secret is the file {quoted(secret.name)}: give -o a name that ends like it, or a folder")
        return path, secret.data
    if suffix != ".png":
        own = f" or {secret.suffix}" if secret.suffix else ""
        raise IsganError(f"{quoted(path)}: the secret is a picture: it is written as .png{own}")
    return path, file_of(secret)


def _half(progress: Progress, half: int) -> Progress:
    """The progress of one of two halves."""
    return lambda done, total: progress(half * total + done, 2 * total)
