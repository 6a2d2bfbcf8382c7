"""`sparsenmf.anndata.nmf`: what it writes and where, the layouts and layers it reads, and what it refuses by name."""

import inspect

import numpy as np
import pytest
from scipy import sparse

from sparsenmf import factorize, kkt_residual, objective
from sparsenmf.anndata import nmf
from sparsenmf.topics import find_topics, topics_by_group

anndata = pytest.importorskip("anndata", reason="objects of single cells need the package anndata")

LAYOUTS = [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array, sparse.csr_array.toarray]


@pytest.fixture
def adata(counts):
    """60 cells x 40 genes with names; cell 7 and gene 11 have no counts."""
    cells = anndata.AnnData(counts.astype(np.float32))
    cells.obs_names = [f"cell-{i}" for i in range(60)]
    cells.var_names = [f"GENE{j}" for j in range(40)]
    return cells


def test_the_factors_are_those_of_factorize_with_genes_summing_to_1(adata):
    before = adata.X.copy()
    assert nmf(adata, 4) is None
    fit = factorize(before, 4, loss="kl", random_state=0)
    W, loadings = adata.obsm["X_nmf"], adata.varm["nmf"]
    assert (W.shape, loadings.shape) == ((60, 4), (40, 4))
    assert W.dtype == loadings.dtype == np.float32
    np.testing.assert_allclose(loadings.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(W @ loadings.T, fit.W @ fit.H, rtol=1e-4, atol=1e-6)
    assert np.isclose(objective(before, W, loadings.T, "kl"), adata.uns["nmf"]["objective"], rtol=1e-4)
    assert kkt_residual(before, W, loadings.T, "kl") < 0.1
    assert (before != adata.X).nnz == 0


def test_cells_and_genes_without_counts_are_zero(adata):
    nmf(adata, 4)
    assert not adata.obsm["X_nmf"][7].any()
    assert not adata.varm["nmf"][11].any()
    assert adata.obsm["X_nmf"].any(axis=1).sum() >= 50


def test_a_cells_weights_are_its_counts_of_each_programme(adata):
    """At a KL optimum the rows of WH have the sums of the rows of X."""
    nmf(adata, 4, tol=0, max_iter=1000, dtype="float64")
    np.testing.assert_allclose(adata.obsm["X_nmf"].sum(axis=1), np.ravel(adata.X.sum(axis=1)), rtol=1e-5)
    share = adata.obsm["X_nmf"].sum(axis=0) / adata.obsm["X_nmf"].sum()
    np.testing.assert_allclose(adata.uns["nmf"]["share"], share, rtol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_any_layout_and_dtype_of_x(counts, layout, dtype):
    cells = anndata.AnnData(layout(counts.astype(dtype)))
    nmf(cells, 3, dtype="float64", path="sparse")
    expected = factorize(counts, 3, random_state=0, dtype="float64", path="sparse")
    np.testing.assert_allclose(cells.obsm["X_nmf"] @ cells.varm["nmf"].T, expected.W @ expected.H, rtol=1e-6, atol=1e-9)


def test_the_same_seed_gives_the_same_and_another_does_not(adata):
    first, same, other = (nmf(adata, 4, random_state=seed, copy=True).obsm["X_nmf"] for seed in (0, 0, 1))
    assert (first == same).all()
    assert not np.allclose(first, other)


def test_frobenius_and_options_reach_the_fit(adata):
    seen = []
    nmf(adata, 3, loss="frobenius", solver="cd", init="nndsvd", max_iter=7, tol=0, alpha_W=0.01, callback=seen.append)
    params = adata.uns["nmf"]["params"]
    assert len(seen) == 8
    assert params["alpha_W"] == 0.01
    assert (params["loss"], params["solver"], params["init"], params["max_iter"]) == ("frobenius", "cd", "nndsvd", 7)
    assert "callback" not in params
    with pytest.raises(TypeError, match="n_comps"):
        nmf(adata, 3, n_comps=3)


def refused(call, kind, *words):
    with pytest.raises(kind) as caught:
        call()
    assert [word for word in words if word not in str(caught.value)] == []


# --- layers and genes -------------------------------------------------------------------------------------------------


def test_a_layer_is_used_and_named_in_the_parameters(adata):
    adata.layers["counts"] = adata.X.copy()
    adata.X = -adata.X
    nmf(adata, 4, layer="counts")
    assert adata.uns["nmf"]["params"]["layer"] == "counts"
    assert adata.obsm["X_nmf"].any()


def test_highly_variable_genes_are_used_as_in_scanpy(adata):
    mask = np.arange(40) < 25
    adata.var["highly_variable"] = mask
    nmf(adata, 4)
    assert adata.varm["nmf"].shape == (40, 4)
    assert not adata.varm["nmf"][25:].any()
    assert adata.uns["nmf"]["params"]["mask_var"] == "highly_variable"
    alone = nmf(adata[:, mask].copy(), 4, mask_var=None, copy=True)
    assert (alone.varm["nmf"] == adata.varm["nmf"][:25]).all()
    assert (alone.obsm["X_nmf"] == adata.obsm["X_nmf"]).all()


def test_a_mask_may_be_a_column_or_an_array_or_none(adata):
    adata.var["highly_variable"] = False
    adata.var["kept"] = np.arange(40) % 2 == 0
    by_name = nmf(adata, 3, mask_var="kept", copy=True)
    by_value = nmf(adata, 3, mask_var=adata.var["kept"].to_numpy(), copy=True)
    assert (by_name.varm["nmf"] == by_value.varm["nmf"]).all()
    assert not by_name.varm["nmf"][1::2].any()
    assert "mask_var" not in by_value.uns["nmf"]["params"]
    everything = nmf(adata, 3, mask_var=None, copy=True)
    assert everything.varm["nmf"].any(axis=1).sum() > 20


@pytest.mark.parametrize(
    ("mask", "kind", "words"),
    [
        ("hvg", ValueError, ["no column 'hvg'", "'kept'", "'gaps'"]),
        ("words", TypeError, ["adata.var['words']", "True or False"]),
        ("gaps", TypeError, ["adata.var['gaps']", "gaps"]),
        ("nothing", ValueError, ["adata.var['nothing']", "no gene"]),
        (np.ones(39, bool), ValueError, ["(39,)", "40 genes"]),
        (np.arange(5), TypeError, ["mask_var", "int64"]),
    ],
)
def test_masks_that_are_none(adata, mask, kind, words):
    adata.var["kept"] = True
    adata.var["words"] = "yes"
    adata.var["gaps"] = np.array([True, None] * 20, dtype=object)
    adata.var["nothing"] = False
    refused(lambda: nmf(adata, 3, mask_var=mask), kind, *words)


# --- where it is written ----------------------------------------------------------------------------------------------


def test_key_added_names_all_three_and_what_is_there_is_replaced(adata):
    adata.obsm["gep"] = np.ones((60, 9))
    nmf(adata, 4, key_added="gep")
    nmf(adata, 3, key_added="gep")
    assert adata.obsm["gep"].shape == (60, 3)
    assert adata.varm["gep"].shape == (40, 3)
    assert adata.uns["gep"]["params"]["n_components"] == 3
    assert "X_nmf" not in adata.obsm
    refused(lambda: nmf(adata, 3, key_added=3), TypeError, "key_added", "3")


def test_copy_leaves_the_object_as_it_was(adata):
    found = nmf(adata, 4, copy=True)
    assert "X_nmf" in found.obsm
    assert not adata.obsm
    assert not adata.varm
    assert not adata.uns


def test_a_view_becomes_an_object_of_its_own(adata):
    view = adata[10:50]
    with pytest.warns(anndata.ImplicitModificationWarning):
        nmf(view, 4)
    assert view.obsm["X_nmf"].shape == (40, 4)
    assert not adata.obsm
    assert nmf(adata[10:50], 4, copy=True).obsm["X_nmf"].shape == (40, 4)


def test_everything_survives_a_file(adata, tmp_path):
    adata.layers["counts"] = adata.X.copy()
    adata.var["highly_variable"] = True
    nmf(adata, 4, layer="counts", max_seconds=60.0, random_state=np.int64(3), n_threads=1)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert (found.obsm["X_nmf"] == adata.obsm["X_nmf"]).all()
    assert (found.varm["nmf"] == adata.varm["nmf"]).all()
    assert found.uns["nmf"]["params"] == adata.uns["nmf"]["params"]
    assert found.uns["nmf"]["params"]["random_state"] == 3
    for key in ("objective", "kkt", "n_iter", "converged", "stop_reason"):
        assert found.uns["nmf"][key] == adata.uns["nmf"][key]
    history = found.uns["nmf"]["history"]
    assert set(history) == {"iteration", "seconds", "objective", "kkt"}
    assert all(len(column) == found.uns["nmf"]["n_iter"] + 1 for column in history.values())
    assert history["objective"][-1] == found.uns["nmf"]["objective"]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_backed_objects_are_read_and_not_written_to(adata, layout, tmp_path):
    path = tmp_path / "cells.h5ad"
    adata.X = layout(sparse.csr_array(adata.X))
    adata.layers["counts"] = adata.X.copy()
    adata.write_h5ad(path)
    before = path.read_bytes()
    backed = anndata.read_h5ad(path, backed="r")
    nmf(backed, 4)
    nmf(backed, 4, layer="counts", key_added="of_layer")
    nmf(adata, 4)
    assert (backed.obsm["X_nmf"] == adata.obsm["X_nmf"]).all()
    assert (backed.obsm["of_layer"] == adata.obsm["X_nmf"]).all()
    assert not nmf(backed, 3, copy=True).isbacked
    refused(lambda: nmf(backed[:30], 3), ValueError, "view of a backed", "to_memory")
    assert nmf(backed[:30], 3, copy=True).obsm["X_nmf"].shape == (30, 3)
    backed.file.close()
    assert path.read_bytes() == before


def test_functions_for_topics_read_the_result(adata):
    nmf(adata, 4)
    adata.obs["type"] = ["a", "b"] * 30
    W, H = adata.obsm["X_nmf"], adata.varm["nmf"].T
    topics = find_topics(H, W, adata.var_names, n_words=3)
    best = topics[0]
    assert [word.name for word in best.words] == list(adata.var_names[np.argsort(-H[best.component])[:3]])
    assert np.isclose(best.share, adata.uns["nmf"]["share"].max())
    assert topics_by_group(W, H, adata.obs["type"]).groups == ("a", "b")


# --- what is refused --------------------------------------------------------------------------------------------------


def refused_and_untouched(adata, call, kind, *words):
    refused(call, kind, *words)
    assert not adata.obsm
    assert not adata.varm
    assert not adata.uns


def test_no_such_layer(adata):
    adata.layers["counts"] = adata.X.copy()
    adata.layers["logged"] = adata.X.copy()
    refused_and_untouched(adata, lambda: nmf(adata, 3, layer="raw"), ValueError, "'raw'", "'counts', 'logged'")
    adata.raw = adata
    refused_and_untouched(adata, lambda: nmf(adata, 3, layer="raw"), ValueError, "adata.raw.to_adata()")


def test_no_x(adata):
    adata.layers["counts"] = adata.X.copy()
    adata.X = None
    refused_and_untouched(adata, lambda: nmf(adata, 3), ValueError, "no X", "'counts'")
    nmf(adata, 3, layer="counts")
    assert "X_nmf" in adata.obsm


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_scaled_values_are_refused_by_the_names_of_a_cell_and_a_gene(adata, layout):
    X = sparse.lil_array(adata.X)
    X[5, 31] = -2.5
    adata.X = layout(X.tocsr())
    words = ["adata.X", "-2.5", "'cell-5'", "'GENE31'", "layer='counts'"]
    refused_and_untouched(adata, lambda: nmf(adata, 3), ValueError, *words, "before scaling")
    adata.layers["counts"] = abs(adata.X)
    adata.var["highly_variable"] = np.arange(40) > 20  # a gene keeps its name where others are left out
    refused_and_untouched(adata, lambda: nmf(adata, 3), ValueError, *words)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused_by_name(adata, layout, value):
    X = sparse.lil_array(adata.X)
    X[59, 0] = value
    adata.layers["odd"] = layout(X.tocsr())
    words = [f"adata.layers['odd'] is {value}", "'cell-59'", "'GENE0'"]
    refused_and_untouched(adata, lambda: nmf(adata, 3, layer="odd"), ValueError, *words)


def test_counts_of_nothing(adata):
    adata.X = 0 * adata.X
    refused_and_untouched(adata, lambda: nmf(adata, 3), ValueError, "no positive entry")
    nobody = adata[:0].copy()
    refused_and_untouched(nobody, lambda: nmf(nobody, 3), ValueError, "0 sample")


def test_more_programmes_than_cells_or_genes(adata):
    refused_and_untouched(adata, lambda: nmf(adata, 41), ValueError, "n_components=41", "40 genes", "at most 40")
    few = adata[:5].copy()
    refused_and_untouched(few, lambda: nmf(few, 6), ValueError, "5 cells", "at most 5")
    mask = np.arange(40) < 3
    refused_and_untouched(adata, lambda: nmf(adata, 4, mask_var=mask), ValueError, "3 genes in use", "at most 3")
    refused_and_untouched(adata, lambda: nmf(adata, 0), ValueError, "at least 1")
    nmf(few, 5)
    assert few.obsm["X_nmf"].shape == (5, 5)


def test_a_fit_that_diverges_is_not_written(adata):
    call = lambda: nmf(adata, 3, loss="frobenius", solver="gd", step=1e6)  # noqa: E731
    refused_and_untouched(adata, call, ValueError, "diverged")


@pytest.mark.parametrize("thing", [np.eye(3), sparse.eye_array(3), None, "cells.h5ad"])
def test_what_is_no_anndata(thing):
    refused(lambda: nmf(thing, 2), TypeError, "AnnData", type(thing).__name__, "factorize")


def test_the_default_of_the_mask_can_be_read():
    assert "mask_var=adata.var.get('highly_variable')" in str(inspect.signature(nmf)).replace(": 'Any' = ", "=")
