"""Baseline and progressive JPEG files taken apart and put together again without loss: segments, Huffman tables, the scan, the
transform (ITU T.81)."""
