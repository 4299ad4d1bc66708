"""What is audited: a model as `hide` uses it, or an embedding put together of a cost and a strategy."""

import threading
from dataclasses import dataclass, replace

import numpy as np

from isgan import models
from isgan.codecs import codecs
from isgan.codecs.base import fewest
from isgan.covers.base import Cover
from isgan.datasets.photographs import Photo
from isgan.evaluation import quality
from isgan.evaluation.audit.photographs import JPEG, format_of
from isgan.evaluation.results import Results
from isgan.evaluation.stegos import Method, cover_of, hiding, print_of
from isgan.options import Options
from isgan.picture import fit, read_gray
from isgan.schemes.embedding import HEAD, Embedding
from isgan.secret import Secret

SIZES = "audit-sizes"
HEADER = 4  # bytes at most before a nameless file that is hidden
OVERHEAD = HEAD + 16 + 2  # bytes: the head, the tag of the body, and what stands before a nameless secret
BITS, ROOT_BITS, DECIBELS = "bits a sample", "bits a root of a sample", "dB"


@dataclass(frozen=True)
class Load:
    """How much an embedding carries: the secret at a PSNR in dB, as many bytes as its codec needs; or bits for each sample that can
    hide a change, or for each square root of such a sample."""

    amount: float
    unit: str = DECIBELS

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


@dataclass(frozen=True)
class Parts:
    """An embedding: names of a cost and a strategy, and the design rate of model-based prices in bits a sample, or 0."""

    cost: str
    strategy: str = "independent"
    design: float = 0.0

    def __str__(self) -> str:
        return ", ".join([self.cost, self.strategy, *([f"model-based {self.design:g}"] if self.design else [])])

    def scheme(self, cover_format: str) -> Embedding:
        """It, for covers of one format: "png" or "jpeg"."""
        settings = {"cost": self.cost, "strategy": self.strategy, "low": 0.0, "medium": 0.0, "model_based": self.design}
        return Embedding(codec="avif", coder="stc", covers={cover_format: settings})


def default_parts(cover_format: str) -> Parts:
    """What the default model uses for covers of a format: "png" or "jpeg"."""
    settings = models.card(models.DEFAULT)["covers"][cover_format]
    return Parts(settings["cost"], settings["strategy"], settings.get("model_based", 0.0))


def sibling(options: Options, kind: str) -> tuple[str, Method] | None:
    """What an attacker trains on who knows the design but has not the very model (level S2): its name, and it; None if nothing is.

    Of a network, other weights of the same design; of an embedding, the same with another cost.
    """
    facts = models.card(options.model)
    if facts["scheme"] == "neural":
        own = models.fingerprint(options.model)
        for name in models.names():
            other = models.card(name)
            if other.get("hider") == facts["hider"] and "sha256" in other and models.fingerprint(name) != own:
                return name, hiding(replace(options, model=name))
        return None
    cover_format = format_of(kind)
    parts = facts["covers"].get(cover_format)
    if parts is None:
        return None
    cost = next(cost for cost in (("uerd", "juniward") if cover_format == "jpeg" else ("suniward", "hill")) if cost != parts["cost"])
    scheme = Embedding(facts["codec"], facts["coder"], {cover_format: parts | {"cost": cost}})

    def hide(photo: Photo, secret: Photo, _number: int) -> Cover:
        return quality.hide(scheme, cover_of(photo), read_gray(secret.pixels), photo.name, options).stego

    return f"{options.model} with {cost}", Method(print_of(models.fingerprint(options.model), cost, str(options)), hide)


def hides_in(name: str, kind: str) -> bool:
    """Whether a model takes covers of this kind."""
    facts = models.card(name)
    return kind != JPEG if facts["scheme"] == "neural" else format_of(kind) in facts["covers"]


def room(load: Load, weight: int) -> int:
    """Bytes of a secret that bring an embedding to so many bits, with all that is written beside it."""
    return max(1, int(load.amount * weight ** (0.5 if load.unit == ROOT_BITS else 1)) // 8 - OVERHEAD)


def carried(scheme: Embedding, cover: Cover, size: int) -> int:
    """How many of so many bytes an embedding carries: fewer where a strategy uses too few of the samples."""
    return max(1, min(size, scheme.room(cover, "high") - HEADER))


class Sizes:
    """How many bytes secrets take at a PSNR, kept in `audit-sizes.csv`."""

    def __init__(self, results: Results):
        self.results, self.lock = results, threading.Lock()
        self.known = {(row["cover"], row["secret"], row["psnr"]): (int(row["bytes"]), float(row["dB"])) for row in results.rows(SIZES)}

    def __call__(self, photo: Photo, secret: Photo, psnr: float) -> tuple[int, float]:
        """Bytes that a secret of the cover's size takes in gray, and the PSNR that it came to, at least `psnr` dB."""
        names = photo.name, secret.name, str(float(psnr))
        if names not in self.known:
            made = fewest(codecs["avif"](), fit(read_gray(secret.pixels), *photo.pixels.shape[:2]), psnr)
            self.known[names] = len(made.data), made.psnr
            with self.lock:
                self.results.add(SIZES, {"cover": names[0], "secret": names[1], "psnr": names[2], "bytes": len(made.data), "dB": made.psnr})
        return self.known[names]


def embedding(parts: Parts, load: Load, kind: str, sizes: Sizes) -> Method:
    """An embedding that carries so much, all of it random: sealed bytes look so to whoever has no key, and so all embeddings carry
    the very same load."""
    scheme = parts.scheme(format_of(kind))
    options = Options(exact=True, risk="high")

    def hide(photo: Photo, secret: Photo, number: int) -> Cover:
        cover = cover_of(photo)
        wanted = sizes(photo, secret, load.amount)[0] if load.unit == DECIBELS else room(load, cover.weight)
        data = np.random.default_rng((17, number)).bytes(carried(scheme, cover, wanted))
        return scheme.hide(cover, Secret(data=data), quality.key_of(scheme, photo.name, cover), options).stego

    return Method(print_of(str(parts), str(load), format_of(kind)), hide)
