"""`qim`: whole numbers that a network writes, and pixels that carry them (`carrier`), sealed with a key (`marker`)."""

from isgan.hiders.qim.network import Qim

__all__ = ["Qim"]
