"""MNIST and its family: what is published, found here, or downloaded."""
