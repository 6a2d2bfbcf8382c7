"""Estimators as their tests use them."""

from sparsenmf import NMF

LOSSES = ["frobenius", "kullback-leibler"]


def model(loss="kullback-leibler", **parameters):
    return NMF(**({"n_components": 4, "beta_loss": loss, "random_state": 0, "max_iter": 40} | parameters))
