"""What training minimises, one loss per file; the contract is in `base`."""

from isgan.registry import Registry

losses: Registry = Registry("loss", "isgan.losses")
