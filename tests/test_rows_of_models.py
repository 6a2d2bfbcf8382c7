"""However a model is asked for the weights of new rows, they are those of `solve_rows` under its loss and penalties."""

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf import NMF, factorize
from sparsenmf.cli import main
from sparsenmf.cli.evaluating import measures
from sparsenmf.io import Model, load_model, save_model
from sparsenmf.io.named import named
from sparsenmf.measures import objective
from sparsenmf.rows import RowSolver, solve_rows
from sparsenmf.topics import TopicModel, held_out, proportions, topic_sizes

PENALTIES = {"alpha_W": 0.03, "alpha_H": 0.001, "l1_ratio": 0.6}
LOSSES = ("kl", "frobenius")

pytestmark = pytest.mark.usefixtures("own_folder")


def others(counts):
    """Rows that no model was fitted to."""
    return sp.csr_array(np.random.default_rng(5).poisson(counts.toarray()[:25] + 0.2))


def weights(loss, H, X):
    """What must come out, and differs from what a solver without the penalty would say."""
    W = solve_rows(X, H, loss=loss, alpha_W=PENALTIES["alpha_W"], l1_ratio=PENALTIES["l1_ratio"])
    assert not np.allclose(W, solve_rows(X, H, loss=loss), rtol=0.02)
    return W


def fitted(counts, loss):
    return TopicModel(3, loss=loss, random_state=0, max_iter=300, **PENALTIES).fit(counts)


@pytest.mark.parametrize("loss", LOSSES)
def test_topic_model_when_fitted_loaded_and_merged(counts, loss, tmp_path):
    model, X = fitted(counts, loss), others(counts)
    expected = factorize(counts, 3, loss=loss, random_state=0, max_iter=300, **PENALTIES)
    np.testing.assert_array_equal(model.components_, expected.H)
    loaded, merged = TopicModel.load(model.save(tmp_path / "model.npz")), model.merge([(0, 2)])
    assert {name: getattr(loaded, name) for name in PENALTIES} == PENALTIES
    for each in (model, loaded, merged, TopicModel.load(merged.save(tmp_path / "merged.npz"))):
        W = weights(loss, each.components_, X)
        np.testing.assert_array_equal(each.transform(X), proportions(W, each.components_))
    changed = model.set_params(alpha_W=0.0)  # what was learnt keeps the penalty that it was learnt under
    np.testing.assert_array_equal(changed.transform(X), loaded.transform(X))


@pytest.mark.parametrize("loss", LOSSES)
def test_nmf_and_a_stored_nmf(counts, loss, tmp_path):
    model, X = NMF(3, beta_loss=loss, random_state=0, max_iter=300, **PENALTIES).fit(counts), others(counts)
    expected = weights(loss, model.components_, X)
    np.testing.assert_array_equal(model.transform(X), expected)
    stored = load_model(save_model(tmp_path / "nmf.npz", model))
    np.testing.assert_array_equal(RowSolver.of(stored)(X), expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_command_line(counts, loss, tmp_path):
    X = others(counts)
    sp.save_npz("X.npz", counts)
    sp.save_npz("new.npz", X)
    options = ["--alpha-w", "0.03", "--alpha-h", "0.001", "--l1-ratio", "0.6", "--loss", loss, "--max-iter", "300"]
    assert main(["topics", "X.npz", "-k", "3", "-o", "model.npz", "-q", *options]) == 0
    model = load_model("model.npz")
    np.testing.assert_array_equal(model.H, fitted(counts, loss).components_)
    expected = weights(loss, model.H, X)
    assert main(["transform", "model.npz", "new.npz", "-o", "W.npy", "-q"]) == 0
    np.testing.assert_array_equal(np.load("W.npy"), expected)
    facts = measures(model, named(X), True, 5, None, str)
    assert facts["objective"] == objective(X, expected, model.H, loss)
    assert facts["deviance_per_token"] == 2 * objective(X, expected, model.H, "kl") / X.sum()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_report(counts, loss):
    from sparsenmf.report.contents import contents

    X = others(counts)
    topic_model, nmf = (
        fitted(counts, loss),
        NMF(3, beta_loss=loss, max_iter=300, random_state=0, **PENALTIES).fit(counts),
    )
    fit = factorize(counts, 3, loss=loss, random_state=0, max_iter=300, **PENALTIES)
    for model, H in (
        (topic_model, topic_model.components_),
        (nmf, nmf.components_),
        (Model.of(fit, params=PENALTIES), fit.H),
    ):
        page = contents(model, X, None, None, None)
        shares = {topic["component"]: topic["share"] for topic in page["topics"]}
        expected = topic_sizes(weights(loss, H, X), H)
        np.testing.assert_allclose([shares[t] for t in range(3)], expected, rtol=2e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_held_out_documents(counts, loss):
    model, X = fitted(counts, loss), others(counts)
    found, given = model.held_out(X), {"alpha_W": 0.03, "l1_ratio": 0.6}
    assert found == held_out(X, model.components_, loss=loss, **given)
    assert found.perplexity != held_out(X, model.components_, loss=loss).perplexity
