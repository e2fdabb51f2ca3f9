"""A faster `fit`: several steps in one call, or a recorded step again."""
