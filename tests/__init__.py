"""Tests. `from tests import reference` reaches the slow twins; `tests.fits` and others are shared likewise."""
