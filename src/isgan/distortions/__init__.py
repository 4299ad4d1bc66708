"""What happens to a stego image between sender and receiver, one distortion per file."""

from isgan.registry import Registry

distortions: Registry = Registry("distortion", "isgan.distortions")
