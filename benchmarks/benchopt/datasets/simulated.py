"""Counts with planted topics and a Zipf vocabulary."""

from benchopt import BaseDataset

from sparsenmf.datasets import make_counts


class Dataset(BaseDataset):
    name = "simulated"
    parameters = {
        "n_samples, n_features, n_topics": [(5000, 10000, 20)],
    }

    def get_data(self):
        return {"X": make_counts(self.n_samples, self.n_features, self.n_topics, random_state=0).counts}
