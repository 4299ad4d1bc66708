"""Measures of quality and of security."""
