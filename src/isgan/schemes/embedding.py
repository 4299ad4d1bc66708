"""Embedding: a secret as few bytes, sealed with the key, written into a cover by a coder where a cost says that it shows least.

    secret -> codec -> key.seal -> coder <- strategy <- cost <- cover

`docs/format.md` specifies what is written where.
"""

import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from isgan.coders import coders
from isgan.coders.base import Coder, Infeasible
from isgan.costs import costs
from isgan.costs.model_based import model_based
from isgan.covers import covers
from isgan.covers.base import Cover, Planes
from isgan.errors import IsganError, NothingFound
from isgan.key import NONCE, TAG, Key
from isgan.options import Options, Risk
from isgan.payload import Larger, pack, unpack
from isgan.risk import Found, Point, found_at, measured, root_of, samples_of
from isgan.schemes.base import Hidden, Progress, Scheme, silent
from isgan.schemes.slots import Masks, Slots, allowed, elements_of, written
from isgan.secret import Secret
from isgan.shuffle import shuffled
from isgan.strategies import strategies

VERSION = 1
LENGTH = 4  # bytes of a body's length
HEAD = NONCE + 1 + LENGTH + TAG
# The head takes half of a small first part, so that it is no denser than a body. Of one that is the whole cover, as in a
# JPEG, it takes little, for that makes the body denser; and nowhere more than is of use.
HEAD_SHARE = 24
HEAD_SAMPLES = 1 << 16
FEWEST_HEAD_SAMPLES = 1024
TRIALS = 4
SURVEYED = 1 << 16  # samples of a part that are looked at to see how many may change


@dataclass(frozen=True)
class Settings:
    """How one kind of cover is embedded in.

    Attributes:
        cost, strategy: names.
        model_based: design rate in bits a sample for the model-based conversion, or 0 for prices as they are.
        low, medium: bits of payload at `--risk low` and `medium`, for each square root of a sample (`Cover.weight`), see
            `isgan.risk.root_of`.
        high: bits for each sample at most, whatever the coder can carry.
    """

    cost: str
    strategy: str
    low: float
    medium: float
    high: float = 2.0
    model_based: float = 0.0


class Embedding(Scheme):
    """A codec, a coder, and for each kind of cover a cost and a strategy.

    Args:
        codec, coder: names.
        covers: by the name of a kind of cover, what `Settings` takes.
    """

    keyed = True
    resizes = False

    def __init__(self, codec: str, coder: str, covers: Mapping[str, Mapping[str, Any]]):
        self.codec = codec
        self.coder: Coder = coders[coder]()
        self.settings = {kind: Settings(**settings) for kind, settings in covers.items()}

    def hide(self, cover: Cover, secret: Secret, key: Key, options: Options, progress: Progress = silent) -> Hidden:
        _start_loading(self.coder)  # beside compression, which does not need Python's lock
        # A secret that may be reduced is fitted into what it surely finds; one that may not is tried as long as there is hope.
        room = self.room(cover, options.risk, surely=options.quality is None and not options.exact and secret.picture is not None)
        if not room and not self._freedom(cover, cover.avoided()):
            raise _rigid()
        payload = pack(secret, room, options, options.codec or self.codec, self.larger(covers.name_of(type(cover)), room, options.risk))
        changes = self._embed(cover, payload.data, key, options.risk, progress)
        planes = tuple(plane + change for plane, change in zip(cover.planes, changes, strict=True))
        changed = sum(np.count_nonzero(change) for change in changes) / cover.samples
        bits = 8 * (HEAD + len(payload.data) + TAG)
        facts = payload.facts | {"bytes": len(payload.data), "rate": bits / cover.weight, "changed": float(changed)}
        said = self.risk_of(cover, len(payload.data))
        return Hidden(cover.changed(planes), payload.delivered, facts | ({"risk": said.words} if said else {}))

    def risk_of(self, cover: Cover, size: int) -> Found | None:
        """How often a detector errs on a cover that carries so many bytes of payload; None where it was never measured."""
        settings = self.settings_of(cover)
        if settings.model_based:
            return None
        kind = covers.name_of(type(cover))
        return found_at(8 * (HEAD + size + TAG), cover.weight, kind, settings.cost, settings.strategy)

    def reveal(self, stego: Cover, key: Key, progress: Progress = silent) -> Secret:
        _start_loading(self.coder)  # beside the key's derivation
        return unpack(self._extract(stego, key, progress))

    def room(self, cover: Cover, risk: Risk, surely: bool = True) -> int:
        """Bytes of payload that a cover takes at a risk: the fewer of what the coder can carry and what the risk allows.

        Where samples that must not change leave the coder less, `surely` tells what fits nearly always from what may fit.
        """
        settings = self.settings_of(cover)
        bits = settings.high * cover.weight if risk == "high" else getattr(settings, risk) * root_of(cover.weight, self._curve(cover))
        avoided = () if risk == "high" and not surely else (cover.avoided(),)
        left = self._freedom(cover, *avoided) ** (2 if surely else 1)
        return max(0, min(int(self._most(cover) * left) - TAG, int(bits) // 8 - TAG - HEAD))

    def larger(self, kind: str, room: int, risk: Risk) -> Larger:
        """How many times more samples a cover of this kind needs to take so many bytes at a risk, as a function of the bytes; `room` is
        what it takes now."""
        settings = self._settings(kind)
        points = measured(kind, settings.cost, settings.strategy)

        def times(size: int) -> float:
            more = max(1.0, (HEAD + size + TAG) / (HEAD + room + TAG))
            if risk == "high":
                return more
            root = 8 * (HEAD + room + TAG) / getattr(settings, risk)
            return samples_of(more * root, points) / samples_of(root, points)

        return times

    def _curve(self, cover: Cover) -> list[Point]:
        """What was measured of how this kind of cover is embedded in."""
        settings = self.settings_of(cover)
        return measured(covers.name_of(type(cover)), settings.cost, settings.strategy)

    def _freedom(self, cover: Cover, *avoided: Masks) -> float:
        """What samples can say, on average in the part where it is least, over what they could if all might go both ways.

        No more of a coder's capacity is left, and surely its square: those that must not change do not lie evenly.
        """
        slots, planes = self.slots(cover), len(cover.planes)
        closed = list(zip(cover.frozen, *avoided, strict=True))
        least = 1.0
        for part in slots.parts:
            apart = max(1, int((part.of(cover.planes).size / SURVEYED) ** 0.5))
            some = part._replace(step=part.step * apart)
            free = np.zeros(some.of(cover.planes).shape, np.float32)
            prices = allowed(cover, some, slots.strategy.moved(part, planes), closed, (free, free))
            ways = sum(np.isfinite(price).astype(np.int8) for price in prices)
            least = min(least, float(np.log2(1 + ways).mean()) / math.log2(3))
        return least

    def _most(self, cover: Cover) -> int:
        """Bytes of a body that the coder can carry; the same for cover and stego image, unlike `room`."""
        slots = self.slots(cover)
        return min((self.coder.capacity(count) * slots.body // count for count in slots.counts if count), default=0) // 8

    def settings_of(self, cover: Cover) -> Settings:
        """How this kind of cover is embedded in."""
        return self._settings(covers.name_of(type(cover)))

    def _settings(self, kind: str) -> Settings:
        if kind not in self.settings:
            raise IsganError(f"this model does not hide in {kind} files: take the default model")
        return self.settings[kind]

    def slots(self, cover: Cover, key: Key | None = None) -> Slots:
        """What carries what in a cover. The key chooses which places come first; without one only numbers are of use."""
        strategy = strategies[self.settings_of(cover).strategy]()
        planes = len(cover.planes)
        every = strategy.parts(planes)
        groups = [every[first : first + planes] for first in range(0, len(every), planes)]  # the same places of all planes
        order = key.order("places", len(groups)) if key else range(len(groups))
        parts = [part for number in order for part in groups[number]]
        sizes = [part.of(cover.planes).size for part in parts]
        first = sizes[0]
        head = min(max(min(first // 2, sum(sizes) // HEAD_SHARE), min(first, FEWEST_HEAD_SAMPLES)), HEAD_SAMPLES)
        if min(sizes) == 0 or self.coder.capacity(head) < 8 * HEAD:  # of a picture one pixel high some parts have no samples
            raise IsganError("the picture is too small for any secret: take one of more pixels")
        return Slots(strategy, parts, [first - head, *sizes[1:]], head)

    def _embed(self, cover: Cover, data: bytes, key: Key, risk: Risk, progress: Progress) -> Planes:
        settings, slots = self.settings_of(cover), self.slots(cover, key)
        priced = costs[settings.cost](cover)
        if settings.model_based:
            priced = model_based(priced, settings.model_based, 8 * (HEAD + len(data) + TAG))
        # At high risk samples that had better be left alone are of use where there is no other way.
        avoided = [cover.avoided()] * TRIALS + [(None,) * len(cover.planes)] * TRIALS * (risk == "high")
        for masks in avoided:
            nonce = key.nonce()
            head = nonce + key.seal(bytes([VERSION]) + (len(data) + TAG).to_bytes(LENGTH, "little"), "head", nonce)
            body = key.seal(data, "body", nonce)
            try:
                return written(cover, priced, masks, slots, self.coder, key, (_bits(head), _bits(body)), progress)
            except Infeasible:  # other bits may fit
                continue
        raise _rigid()

    def _extract(self, stego: Cover, key: Key, progress: Progress) -> bytes:
        slots = self.slots(stego, key)
        first = elements_of(stego, slots.parts[0], key, 0)
        head = _bytes(self.coder.extract(first[: slots.head], 8 * HEAD))
        nonce = head[:NONCE]
        opened = key.open(head[NONCE:], "head", nonce)
        if opened is None or opened[0] != VERSION:
            raise NothingFound
        length = int.from_bytes(opened[1:], "little")
        if not TAG <= length <= self._most(stego):
            raise NothingFound
        read = []
        for number, (part, count) in enumerate(zip(slots.parts, slots.shares(8 * length), strict=True)):
            elements = elements_of(stego, part, key, number) if number else first[slots.head :]
            read.append(self.coder.extract(elements, count))
            progress(number + 1, len(slots.parts))
        data = key.open(_bytes(np.concatenate(read)), "body", nonce)
        if data is None:
            raise NothingFound
        return data


def _rigid() -> IsganError:
    return IsganError("the cover has too little that may change: take one with fewer pixels that are transparent, pure black or white, "
                      "or of one colour")  # fmt: skip


def _start_loading(coder: Coder) -> None:
    """Has numba and the compiled code of coder and order loaded by a thread: the first time it takes some tenths of a second."""

    def work() -> None:
        with suppress(Exception):  # who needs it meets the same, and says so
            order = shuffled(bytes(32), 99)
            free = np.ones(len(order), np.float32)
            coder.embed(order.astype(np.int16), free, free, np.ones(9, np.uint8))

    threading.Thread(target=work).start()


def _bits(data: bytes) -> np.ndarray:
    """Bytes -> their bits, the lowest first, (n,) uint8."""
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")


def _bytes(bits: np.ndarray) -> bytes:
    return np.packbits(bits, bitorder="little").tobytes()
