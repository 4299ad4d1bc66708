"""Attacks that need no training, one per file; what they share is in `base`."""
