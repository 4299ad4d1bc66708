"""Protocols: what is measured, on which photographs, one per file."""
