"""What models make of a few pairs of photographs, for a contact sheet; every stego image is a PNG file that was read back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isgan.datasets.photographs import Photo
from isgan.evaluation.quality import send
from isgan.figures import Sample
from isgan.options import Options
from isgan.picture import fit, read_gray
from isgan.schemes.base import Scheme


def samples(schemes: Mapping[str, Scheme], options: Mapping[str, Options], pairs: Sequence[tuple[Photo, Photo]],
            done: Callable[[], Any] = lambda: None) -> dict[str, list[Sample]]:  # fmt: skip
    """What each scheme makes of each (cover, secret) pair of one square size, with gray secrets.

    A secret that comes back smaller is shown at the size that it had.

    Args:
        schemes: by the name that stands above them.
        options: how each of them hides, by the same name.
        pairs: photographs, (H, W, 3) uint8.
        done: called after each.
    """
    made: dict[str, list[Sample]] = {name: [] for name in schemes}
    for host, guest in pairs:
        secret = read_gray(guest.pixels)
        for name, scheme in schemes.items():
            received = send(scheme, host.pixels, secret, host.name, options[name])
            made[name].append(Sample(host.pixels, secret, received.stego.pixels(), fit(received.secret, *secret.shape)))
            done()
    return made
