"""Counting by chunks and processes gives what scikit-learn's CountVectorizer gives."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sparsenmf import read_texts
from sparsenmf.topics import count_texts, counting
from tests.conftest import ROOT


def made_texts(n: int = 400) -> list[str]:
    """Texts of words whose frequencies tie, with capitals, digits, accents, and empty texts."""
    rng = np.random.default_rng(0)
    words = [f"{stem}{i}" for i in range(40) for stem in ("Ark", "flöod", "dove's ", "x")]
    return [" ".join(rng.choice(words, rng.integers(0, 30))) for _ in range(n)]


SETTINGS = [
    {},
    {"min_df": 3, "max_df": 0.2, "stop_words": ["ark1", "ark2"]},
    {"max_features": 37},
    {"max_features": 10, "binary": True, "min_df": 0.01},
    {"ngram_range": (1, 2), "lowercase": False, "strip_accents": "unicode", "min_df": 2},
    {"analyzer": "char_wb", "ngram_range": (2, 3), "max_df": 300},
    {"vocabulary": ["dove", "ark7", "nowhere"]},
    {"tokenizer": str.split, "token_pattern": None},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: ",".join(settings) or "default")
@pytest.mark.parametrize("chunk", [1 << 22, 300], ids=["one chunk", "many chunks"])
def test_counts_are_scikit_learns(settings, chunk, monkeypatch):
    monkeypatch.setattr(counting, "_CHUNK", chunk)
    texts = made_texts()
    expected = CountVectorizer(**settings)
    X = expected.fit_transform(texts)
    found = count_texts(texts, CountVectorizer(**settings), n_jobs=1)
    assert found.vocabulary == tuple(expected.get_feature_names_out())
    assert found.X.dtype == np.int32
    assert found.X.has_sorted_indices
    np.testing.assert_array_equal(found.X.toarray(), X.toarray())
    new = ["an Ark7 and a dove's dove", ""]
    np.testing.assert_array_equal(found.vectorizer.transform(new).toarray(), expected.transform(new).toarray())


@pytest.mark.parametrize("settings", [{}, {"vocabulary": ["dove", "ark7"]}, {"max_features": 30}], ids=str)
def test_processes_count_the_same(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(counting, "_CHUNK", 2000)
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(made_texts()) + "\n", encoding="utf-8")
    one, two = (count_texts(read_texts(path), CountVectorizer(**settings), n_jobs=jobs) for jobs in (1, 2))
    assert one.vocabulary == two.vocabulary
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(one.X, name), getattr(two.X, name))


def test_a_script_without_a_main_guard_may_count_in_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from sparsenmf.topics import count_texts\nprint(count_texts(['ark dove', 'ark'], n_jobs=2).X.sum())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize("lowercase", [True, False])
def test_any_characters_make_the_words_that_scikit_learn_finds(lowercase):
    """Among them: a sigma at the end, capitals that become two letters, marks, digits, separators of all kinds."""
    rng = np.random.default_rng(1)
    letters = list("abAB_09 .'-\n\t\0\x1c\x1f\x85\xa0éÉßẞΣσςİıǅ\u0301\u200d\u2028४中ﬁ𝔘😀")
    texts = ["".join(rng.choice(letters[: 12 + 20 * (i % 3)], 40)) for i in range(300)] + ["", "ΟΔΟΣ", "ΟΔΟΣ\0a"]
    settings = {"lowercase": lowercase, "stop_words": ["ab", "ba"]}
    expected = CountVectorizer(**settings)
    X = expected.fit_transform(texts)
    found = count_texts(texts, CountVectorizer(**settings))
    assert found.vocabulary == tuple(expected.get_feature_names_out())
    np.testing.assert_array_equal(found.X.toarray(), X.toarray())


@pytest.mark.parametrize("words", [["a", "the", "ark"], {"ark": 1, "a": 2, "the": 0}], ids=["list", "dict"])
def test_a_given_vocabulary_does_not_bring_back_what_is_left_out(words):
    texts = ["a the ark", "The Ark a a"]
    expected = CountVectorizer(vocabulary=words, stop_words="english").fit_transform(texts)
    found = count_texts(texts, CountVectorizer(vocabulary=words, stop_words="english"))
    np.testing.assert_array_equal(found.X.toarray(), expected.toarray())
    assert found.X.sum() == 2


def test_an_iterator_that_is_read_once():
    texts = made_texts(20)
    np.testing.assert_array_equal(count_texts(iter(texts)).X.toarray(), count_texts(texts).X.toarray())


class Changing:
    """Texts that are others each time."""

    def __init__(self, *versions: list[str]) -> None:
        self.versions = list(versions)

    def __iter__(self):
        return iter(self.versions.pop(0))


@pytest.mark.parametrize("second", [["ark ark"], ["ark dove", "ark", "ark"], ["ark dove", "dove", "ark ark"]])
def test_texts_that_change_are_noticed(second):
    with pytest.raises(ValueError, match="changed between"):
        count_texts(Changing([], ["ark dove", "ark"], second))  # the first is what iter() looks at


def test_bad_arguments():
    with pytest.raises(TypeError, match="must be a CountVectorizer"):
        count_texts(["a text"], TfidfVectorizer())
    with pytest.raises(ValueError, match="n_jobs"):
        count_texts(["a text"], n_jobs=0)
    with pytest.raises(TypeError, match=r"document 1 is nan \(float\)"):
        count_texts(["a text", float("nan")])


@pytest.mark.parametrize(
    ("min_df", "n", "said"), [(2, 1, "at least 2 and at most 0.5. .*max_df=1.0"), (3, 8, "Lower min_df or")]
)
def test_a_vocabulary_that_the_limits_empty(min_df, n, said):
    texts = [f"word{i}" for i in range(n)]
    with pytest.raises(ValueError, match=said):
        count_texts(texts, CountVectorizer(min_df=min_df, max_df=0.5))


def test_tokens_instead_of_texts():
    with pytest.raises(TypeError, match=r"document 0 is .* not a text: join the tokens"):
        count_texts(iter([["a", "list"], ["of", "tokens"]]))
