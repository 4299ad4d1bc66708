"""Measures of quality and of detectability."""

# dB; what tables write for equal images, so that one of them does not make a mean infinite.
EXACT = 80.0
