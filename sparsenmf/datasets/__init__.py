"""Data to try things on: packaged (`load_kjv`, `load_digits`) and synthetic of any size (`make_counts`)."""

from sparsenmf.datasets.packaged import KJV, Digits, load_digits, load_kjv
from sparsenmf.datasets.synthetic import PlantedCounts, make_counts

__all__ = ["KJV", "Digits", "PlantedCounts", "load_digits", "load_kjv", "make_counts"]
