"""Features made by hand, one set per file, for an ensemble of linear discriminants; what they share is in `base`."""
