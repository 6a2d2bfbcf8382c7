"""The packaged data are what they claim to be, and planted counts follow their recipe."""

import gzip
import importlib.util
import json
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sparsenmf.datasets import load_digits, load_kjv, make_counts
from sparsenmf.io import read, read_names
from tests.conftest import ROOT, data_folder

DATA = data_folder() / "kjv_verses"
needs_verses = pytest.mark.skipif(
    not (DATA / "verses.jsonl.gz").is_file(), reason="the raw verses are not there: set SPARSENMF_DATA"
)


# --- packaged ---------------------------------------------------------------------------------------------------------


def test_kjv_has_its_published_size():
    bible = load_kjv()
    assert isinstance(bible.counts, sparse.csr_array)
    assert bible.counts.shape == (31102, 12762)
    assert bible.counts.dtype == np.int32
    assert bible.counts.indices.dtype == np.int32
    assert bible.counts.has_canonical_format
    assert (bible.counts.nnz, bible.counts.sum()) == (616_243, 789_684)
    assert len(bible.vocabulary) == len(set(bible.vocabulary)) == 12762
    assert len(bible.references) == len(set(bible.references)) == 31102
    assert len(bible.books) == len(set(bible.books)) == 66


def test_kjv_names_belong_to_the_right_rows_and_columns():
    bible = load_kjv()
    genesis = bible.counts[[bible.references.index("Ge1:1")]].toarray()[0]
    words = {bible.vocabulary[j]: int(genesis[j]) for j in np.flatnonzero(genesis)}
    # "In the beginning God created the heaven and the earth."
    assert words == {"in": 1, "the": 3, "beginning": 1, "god": 1, "created": 1, "heaven": 1, "and": 1, "earth": 1}
    assert bible.books[bible.labels[0]] == "Ge"
    assert bible.books[bible.labels[-1]] == "Rev"
    assert bible.books[bible.labels[bible.references.index("1Sm17:50")]] == "1Sm"
    assert (np.diff(bible.labels) >= 0).all()


def test_kjv_can_be_read_as_a_matrix_with_its_vocabulary_beside_it():
    X = read(ROOT / "datasets" / "kjv" / "X.npz").X
    assert X.shape == (31102, 12762)
    assert read_names(ROOT / "datasets" / "kjv" / "vocab.txt.gz", X.shape[1])[:2] == ("a", "aaron")


@needs_verses
def test_kjv_equals_the_counts_made_elsewhere():
    bible = load_kjv()
    assert (bible.counts != sparse.csr_array(sparse.load_npz(DATA / "X.npz"))).nnz == 0
    assert bible.vocabulary == read_names(DATA / "vocab.txt")
    assert bible.references == read_names(DATA / "rows.txt")
    assert tuple(bible.books[label] for label in bible.labels) == read_names(DATA / "labels.txt")


def make_kjv_script():
    spec = importlib.util.spec_from_file_location("make_kjv", ROOT / "datasets" / "make_kjv.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@needs_verses
def test_kjv_files_are_made_from_the_verses_by_the_script(tmp_path, capsys):
    make_kjv_script().main(str(DATA / "verses.jsonl.gz"), str(tmp_path))
    assert "616,243 nonzeros" in capsys.readouterr().out
    shipped = ROOT / "datasets" / "kjv"
    assert (read(tmp_path / "X.npz").X != read(shipped / "X.npz").X).nnz == 0
    for name in ("vocab.txt.gz", "rows.txt.gz"):
        assert read_names(tmp_path / name) == read_names(shipped / name)


def test_script_counts_words_with_inner_apostrophes(tmp_path):
    verses = [
        {"id": "A1:1", "book": "A", "text": "Aaron's rod; the BADGERS' skins, the rod."},
        {"id": "A1:2", "book": "A", "text": "--"},
    ]
    source = tmp_path / "verses.jsonl.gz"
    source.write_bytes(gzip.compress("\n".join(map(json.dumps, verses)).encode()))
    make_kjv_script().main(str(source), str(tmp_path / "out"))
    assert read_names(tmp_path / "out" / "vocab.txt.gz") == ("aaron's", "badgers", "rod", "skins", "the")
    assert read(tmp_path / "out" / "X.npz").toarray().tolist() == [[1, 1, 2, 1, 2], [0, 0, 0, 0, 0]]
    assert sparse.load_npz(tmp_path / "out" / "X.npz").shape == (2, 5)


def test_no_text_is_shipped():
    kept = {path.name for path in (ROOT / "datasets").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert kept == {"README.md", "make_kjv.py", "X.npz", "vocab.txt.gz", "rows.txt.gz"}


def test_digits():
    digits = load_digits()
    assert digits.pixels.shape == (1797, 64)
    assert digits.pixels.min() == 0
    assert digits.pixels.max() == 16
    assert digits.pixels[0].reshape(digits.image_shape).shape == (8, 8)
    assert sorted(set(digits.labels.tolist())) == list(range(10))


# --- planted ----------------------------------------------------------------------------------------------------------


def test_planted_counts_have_the_shapes_and_the_scale_that_were_asked_for():
    counts, W, H = make_counts(300, 50, 4, mean_length=20.0, random_state=0)
    assert isinstance(counts, sparse.csr_array)
    assert counts.dtype == np.int32
    assert counts.has_canonical_format
    assert counts.shape == (300, 50)
    assert counts.data.min() >= 1
    np.testing.assert_allclose(W.sum(axis=1), 20.0)
    np.testing.assert_allclose(H.sum(axis=1), 1.0)
    assert W.min() >= 0
    assert H.min() >= 0


def test_planted_counts_are_poisson_around_w_times_h():
    counts, W, H = make_counts(2000, 40, 3, mean_length=60.0, topic_concentration=1.0, random_state=3)
    mean = W @ H
    error = counts.toarray() - mean
    # Of a Poisson variable, the variance is the mean: this ratio has a standard deviation of about 0.01 here.
    assert np.square(error).sum() / mean.sum() == pytest.approx(1.0, abs=0.05)
    # Sums of columns are Poisson, too: none lies six standard deviations off.
    assert np.abs(error.sum(axis=0) / np.sqrt(mean.sum(axis=0) + 1)).max() < 6
    assert abs(counts.sum() - 2000 * 60) < 6 * np.sqrt(2000 * 60)


def test_planted_counts_depend_on_the_seed_alone():
    first, again, other = (make_counts(100, 80, 3, random_state=seed) for seed in (5, 5, 6))
    assert (first.counts != again.counts).nnz == 0
    np.testing.assert_array_equal(first.H, again.H)
    assert (first.counts != other.counts).nnz > 0
    generator = make_counts(100, 80, 3, random_state=np.random.default_rng(5))
    assert (first.counts != generator.counts).nnz == 0


def test_words_follow_zipf_and_can_be_even():
    zipf = make_counts(2000, 1000, 5, zipf_exponent=1.0, topic_concentration=10.0, random_state=0).counts.sum(axis=0)
    # Feature j has a probability proportional to 1 / (j + 1).
    assert zipf[0] / zipf[9] == pytest.approx(10, rel=0.2)
    assert zipf[:10].sum() / zipf[10:110].sum() == pytest.approx(2.929 / 2.346, rel=0.1)
    even = make_counts(2000, 100, 5, zipf_exponent=0.0, topic_concentration=100.0, random_state=0).counts.sum(axis=0)
    assert even.max() < 1.3 * even.min()


def test_large_planted_counts_take_memory_for_their_tokens_alone():
    """20,000 x 200,000: 32 GB as a dense float64 matrix."""
    tracemalloc.start()
    counts, W, H = make_counts(20_000, 200_000, 3, mean_length=10.0, random_state=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts.shape == (20_000, 200_000)
    assert abs(counts.sum() - 200_000) < 6 * np.sqrt(200_000)
    assert peak < 4 * (W.nbytes + H.nbytes) + 200 * 200_000


def test_blocks_of_samples_join_to_one_matrix(monkeypatch):
    monkeypatch.setattr("sparsenmf.datasets.synthetic._TOKENS_AT_ONCE", 500)
    counts, W, H = make_counts(200, 30, 2, mean_length=40.0, random_state=0)
    assert counts.shape == (200, 30)
    assert abs(counts.sum() - 8000) < 6 * np.sqrt(8000)
    assert np.corrcoef(counts.toarray().ravel(), (W @ H).ravel())[0, 1] > 0.7


def test_extremes_of_planted_counts():
    assert make_counts(5, 3, 2, mean_length=0, random_state=0).counts.nnz == 0
    assert make_counts(1, 1, 1, random_state=0).counts.shape == (1, 1)
    pure = make_counts(50, 10, 3, sample_concentration=1e-9, random_state=0)
    assert ((pure.W > 0).sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1"),
        ({"n_features": 2.5}, TypeError, "n_features must be an integer"),
        ({"n_components": -1}, ValueError, "n_components must be at least 1"),
        ({"mean_length": -1}, ValueError, "mean_length must be a number of at least 0, got -1"),
        ({"zipf_exponent": float("nan")}, ValueError, "zipf_exponent"),
        ({"topic_concentration": 0}, ValueError, "topic_concentration must be a positive number"),
        ({"sample_concentration": float("inf")}, ValueError, "sample_concentration"),
    ],
)
def test_bad_arguments_of_planted_counts(arguments, error, message):
    with pytest.raises(error, match=message):
        make_counts(**{"n_samples": 3, "n_features": 3, "n_components": 1} | arguments)
