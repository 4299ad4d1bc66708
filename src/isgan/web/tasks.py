"""What a worker does: the end points' work, from bytes to bytes. Files have names and labels, fields are those of `isgan.web.forms`."""

import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import ExifTags, Image

from isgan import models, pipeline
from isgan.checking import check as signs_of
from isgan.decoders import JPEG, TURNS, is_picture, opened
from isgan.errors import IsganError
from isgan.files import Named
from isgan.options import NO_PASS_PHRASE, Options
from isgan.payload import LOWEST, pack
from isgan.picture import png_bytes, read_picture
from isgan.schemes.base import Progress
from isgan.schemes.embedding import Embedding
from isgan.secret import Secret
from isgan.web import words

Files: TypeAlias = Mapping[str, Named]
Fields: TypeAlias = Mapping[str, Any]

SHOWN = 1024  # pixels of the longer side of what the page shows
COPY = 256  # and of the copies that a preview works on


class Part(NamedTuple):
    """A file of an answer: what it is for, its name for people, its type, its bytes."""

    part: str
    name: str
    type: str
    data: bytes


class Made(NamedTuple):
    """An answer."""

    facts: dict[str, Any]
    parts: list[Part]


def inspect(files: Files, fields: Fields, progress: Progress) -> Made:
    """What a file is, and of a picture a reduced copy."""
    file = files["file"]
    facts: dict[str, Any] = {"bytes": len(file), "picture": is_picture(file)}
    if not facts["picture"]:
        return Made(facts, [])
    _check_pixels(files, fields)
    picture = read_picture(file, fields["frame"])
    facts |= {"width": picture.shape[1], "height": picture.shape[0]}
    return Made(facts, [_shown("reduced", picture, SHOWN), _shown("copy", picture, COPY)])


def capacity(files: Files, fields: Fields, progress: Progress) -> Made:
    """What a cover takes at each risk."""
    _check_pixels(files, fields)
    facts = pipeline.capacity(files["cover"], _options(fields))
    rooms = {}
    for risk in words.RISK:
        size, errs = facts[risk].pop("bytes"), facts[risk].pop("a detector errs in", "")
        said = f"a detector made for exactly this errs in {errs} of cases (50 % is guessing)" if errs else None
        rooms[risk] = {"bytes": size, "as a picture": facts[risk], "words": words.of_risk(risk, said)}
    return Made({"pixels": facts["pixels"], "kind": "jpeg" if _is_jpeg(files["cover"], fields) else "png", "risks": rooms}, [])


def hide(files: Files, fields: Fields, progress: Progress) -> Made:
    """A stego image, what its receiver gets, and the residual."""
    _check_pixels(files, fields)
    options, cover, secret = _options(fields), files["cover"], files["secret"]
    pipeline.check(cover, secret, None, options, False)
    made = pipeline.hide(cover, secret, None, _phrase(fields), options, progress=progress)
    suffixes, kind = ((".jpg", ".jpeg"), "image/jpeg") if made.data.startswith(JPEG) else ((".png",), "image/png")
    # The cover's own name, a camera's .JPG too, since any other would tell something.
    own = Path(cover.name or "picture")
    parts = [Part("stego", own.name if own.suffix.lower() in suffixes else f"{own.stem}{suffixes[0]}", kind, made.data)]
    parts += _received(made.delivered)
    parts.append(_residual(made))
    return Made(_finite(made.facts) | {"words": _words(made.facts, fields)}, parts)


def reveal(files: Files, fields: Fields, progress: Progress) -> Made:
    """The secret of a stego image."""
    _check_pixels(files, fields)
    options = _options(fields)
    pipeline.check_reveal(files["stego"], None, options, False)
    found = pipeline.reveal(files["stego"], None, _phrase(fields), options, progress=progress)
    return Made(found.facts, _received(found.secret))


def check(files: Files, fields: Fields, progress: Progress) -> Made:
    """Signs that a file was changed on the way."""
    _check_pixels(files, fields)
    return Made(_finite(signs_of(files["file"], "the file")), [])


def preview(files: Files, fields: Fields, progress: Progress) -> Made:
    """About what `hide` would make, in a second, from reduced copies of cover and secret.

    The secret's copy gets its share of the room that the cover has; the cover's copy is changed as densely as the cover would be.
    """
    _check_pixels(files, fields)
    options = _options(fields)
    scheme = models.load(options.model)
    if not isinstance(scheme, Embedding):
        raise IsganError("there is no preview of what networks do: hide, and see")
    room, most = fields["room"], fields["most"]
    larger = scheme.larger("jpeg" if fields["jpeg"] else "png", room, options.risk)
    picture = _reduced(read_picture(files["secret"]), COPY) if is_picture(files["secret"]) and not options.exact else None
    if picture is None:
        whole = Secret(data=files["secret"], name=files["secret"].name)
        payload = pack(whole, room, options, scheme.codec, larger)
        share = 1.0
    else:
        # A secret that does not fit is made smaller: then the copy stands for the smaller one.
        pixels = min(fields["pixels"] or math.inf, max(pipeline.side_of(room, LOWEST) ** 2, 1))
        share = min(1.0, picture.shape[0] * picture.shape[1] / pixels)
        payload = pack(Secret(picture), int(room * share), options, scheme.codec, larger)
    size = int(len(payload.data) / share)
    copy = _reduced(read_picture(files["cover"]), COPY)
    look = Options(risk="high", exact=True, jpeg_quality=95 if fields["jpeg"] else None)
    there = pipeline.capacity(copy, look)["high"]["bytes"]
    count = max(1, min(there - 64, round(size * there / max(most, 1))))
    made = pipeline.hide(copy, os.urandom(count), None, NO_PASS_PHRASE, look)
    facts = {"bytes": size, "room": room, "changed": made.facts["changed"], "stego dB": made.facts["stego dB"]}
    facts |= {name: payload.facts[name] for name in ("secret dB", "for more") if name in payload.facts}
    parts = [_shown("stego", made.picture, COPY), _residual(made)]
    if payload.delivered.picture is not None and picture is not None:
        parts.append(_shown("secret", payload.delivered.picture, COPY))
        facts["scale"] = payload.delivered.picture.shape[1] / picture.shape[1]
    return Made(_finite(facts) | {"words": _words(payload.facts | {"stego dB": facts["stego dB"]}, fields)}, parts)


TASKS: dict[str, Callable[[Files, Fields, Progress], Made]] = {
    task.__name__: task for task in (inspect, capacity, hide, reveal, check, preview)
}


def _options(fields: Fields) -> Options:
    return Options(**{field.name: fields[field.name] for field in fields_of(Options) if field.name in fields})


def _phrase(fields: Fields) -> str | None:
    """The pass phrase, without the line end of a file; None where there is none, which models without a key accept."""
    if fields["no_pass"]:
        return NO_PASS_PHRASE
    return (fields["pass_phrase"] or "").removesuffix("\n").removesuffix("\r") or None


def _is_jpeg(cover: bytes, fields: Fields) -> bool:
    return cover.startswith(JPEG) or bool(fields.get("jpeg_quality"))


def _check_pixels(files: Files, fields: Fields) -> None:
    """Refuses what this server does not take, from the header alone."""
    for file in files.values():
        pixels = 0
        with suppress(IsganError), opened(file, file.label) as image:  # what is wrong with a file is said by whom reads it
            if image.format == "TIFF" and (fields.get("frame") or 1) > 1:  # its pages differ in size
                image.seek(fields["frame"] - 1)
            pixels = image.width * image.height
        if pixels > fields["megapixels"] * 1e6:
            raise IsganError(f"{file.label} has too many pixels: at most {fields['megapixels']:g} megapixels are taken here; scale it "
                             "down, or start isgan serve with a higher --max-megapixels")  # fmt: skip


def _reduced(picture: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    return np.array(image)


def _shown(part: str, picture: np.ndarray, side: int) -> Part:
    return Part(part, f"{part}.png", "image/png", png_bytes(_reduced(picture, side)))


def _received(secret: Secret) -> list[Part]:
    """The secret as a file, and what the page shows of it."""
    name = pipeline.own_name(secret)
    if secret.picture is not None:
        return [Part("secret", name, "image/png", pipeline.file_of(secret)), _shown("seen", secret.picture, SHOWN)]
    data = secret.data or b""
    # A stranger's file: its type is nobody's word, and the browser shall do nothing with it but save it.
    parts = [Part("secret", name, "application/octet-stream", data)]
    if is_picture(data):
        with suppress(IsganError):  # damaged, and yet hidden byte for byte
            parts.append(_shown("seen", read_picture(data), SHOWN))
    return parts


def _residual(made: pipeline.Stego) -> Part:
    """128 + stego - cover, gray: of each block of pixels and channel the largest difference, so that reducing loses none."""
    difference = made.picture.astype(np.int16) - made.cover
    if difference.ndim == 3:
        difference = np.take_along_axis(difference, np.abs(difference).argmax(2)[..., None], 2)[..., 0]
    step = math.ceil(max(difference.shape) / SHOWN)
    padding = [(0, -length % step) for length in difference.shape]
    blocks = np.pad(difference, padding).reshape(-(-difference.shape[0] // step), step, -(-difference.shape[1] // step), step)
    high, low = blocks.max((1, 3)), blocks.min((1, 3))
    image = Image.fromarray((128 + np.where(high > -low, high, low)).clip(0, 255).astype(np.uint8))
    with opened(made.data, "the stego image") as stego:
        turn = stego.getexif().get(ExifTags.Base.Orientation, 1)
    return Part("residual", "residual.png", "image/png", png_bytes(image.transpose(TURNS[turn - 2]) if turn in range(2, 9) else image))


def _words(facts: Mapping[str, Any], fields: Fields) -> dict[str, str]:
    secret = words.of_secret(facts["secret dB"]) if "secret dB" in facts else "Every byte comes back unchanged."
    said = {"stego": words.of_stego(facts["stego dB"]), "structure": words.of_ssim(facts.get("stego SSIM", math.nan)), "secret": secret}
    return said | ({"risk": words.of_risk(fields["risk"], facts.get("risk"))} if "rate" in facts else {})


def _finite(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without numbers that JSON has not."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in facts.items()}
