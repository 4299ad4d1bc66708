"""Where photographs come from, one source per file."""

from isgan.registry import Registry

datasets: Registry = Registry("dataset", "isgan.datasets")
