"""A matrix of one's own: NAME/X.npz (scipy.sparse.save_npz) in the folder that SPARSENMF_DATA names."""

import os
from pathlib import Path

import scipy.sparse as sp
from benchopt import BaseDataset


class Dataset(BaseDataset):
    name = "folder"
    parameters = {"matrix": ["newsgroups20"]}

    def skip(self):
        if not self.path().exists():
            return True, f"{self.matrix}/X.npz is not there: set SPARSENMF_DATA to the folder of the data sets"
        return False, None

    def path(self):
        return Path(os.environ.get("SPARSENMF_DATA", "")) / self.matrix / "X.npz"

    def get_data(self):
        return {"X": sp.csr_array(sp.load_npz(self.path()))}
