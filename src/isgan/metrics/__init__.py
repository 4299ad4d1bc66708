"""Measures of quality and of detectability."""

# dB; what tables write for equal images, so that one of them does not make a mean infinite.
EXACT = 80.0
# What is said of a pair, in this order everywhere: stego image against cover in RGB, revealed secret against secret.
MEASURES = ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim")
