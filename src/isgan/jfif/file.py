"""A JPEG file read, whatever its kind."""

from isgan.jfif.coding import Coding
from isgan.jfif.progressive import Progressive
from isgan.jfif.scan import Baseline
from isgan.jfif.segments import read_header


def read(data: bytes, name: str) -> Coding:
    """Header and coefficients. `IsganError` where the file is damaged or of a kind that is not written as it was."""
    header = read_header(data, name)
    return (Progressive if header.progressive else Baseline)(data, header, name)
