"""The loops: arrays in, arrays out. Every kernel is compiled by `_jit.kernel` and tested against `tests/reference.py`."""
