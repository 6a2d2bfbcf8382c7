"""Tests. `from tests import reference` is how they reach the slow twins; `tests.fits` and others are shared so too."""
