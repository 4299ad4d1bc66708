"""Ways to make a secret small: registered by name."""

from isgan.codecs.base import Codec
from isgan.registry import Registry

codecs: Registry[type[Codec]] = Registry("codec", "isgan.codecs")
