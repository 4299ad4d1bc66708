"""What tells stego images from covers: the contract is in `base`; `networks/` holds the networks that are trained for
it.
"""
