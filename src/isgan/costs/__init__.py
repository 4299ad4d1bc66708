"""Costs of embedding, registered by name: functions from a cover to `Costs`."""

from isgan.costs.base import Cost
from isgan.registry import Registry

costs: Registry[Cost] = Registry("cost", "isgan.costs")
