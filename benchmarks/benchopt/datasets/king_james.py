"""Verses x words of the King James Bible, packaged with sparsenmf."""

from benchopt import BaseDataset

from sparsenmf.datasets import load_kjv


class Dataset(BaseDataset):
    name = "king_james"

    def get_data(self):
        return {"X": load_kjv().counts}
