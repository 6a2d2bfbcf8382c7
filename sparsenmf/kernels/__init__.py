"""The loops: arrays in, arrays out. `_jit.kernel` compiles each; `tests/reference.py` has its slow twin."""
