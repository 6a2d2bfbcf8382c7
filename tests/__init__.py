"""Tests; `from tests import reference` is how they reach the slow twins."""
