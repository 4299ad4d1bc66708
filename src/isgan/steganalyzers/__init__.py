"""Steganalyzers: networks that tell stego images from covers, one per file; the contract is in `base`."""

from isgan.registry import Registry

steganalyzers: Registry = Registry("steganalyzer", "isgan.steganalyzers")
