"""Ours against Keras, measured; run with `python -m benchmarks`."""
