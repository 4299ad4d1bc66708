"""Steganalyzers: networks that tell stego images from covers, one per file; the contract is in `base`."""

from isgan.registry import Registry

networks: Registry = Registry("steganalyzer", "isgan.detectors.networks")
