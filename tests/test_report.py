"""The report: what its file holds, how it is written, what it refuses."""

import re
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import factorize
from sparsenmf.io import Model
from sparsenmf.report import layout, library, write_report
from sparsenmf.report.documents import OF_TOPIC, snippets
from sparsenmf.report.words import LAMBDAS, SHOWN
from sparsenmf.topics import TopicModel, proportions, rank_words, topic_sizes, word_distributions, word_scores
from tests.reports import data_of, made_model, page_of, without_library

pytest.importorskip("vl_convert", reason="the charting library comes with vl-convert (the extra 'report')")

MEGABYTE = 1_000_000


# --- contents -------------------------------------------------------------------------------------------------------


def test_topics_come_by_size_with_names_words_and_documents(report):
    model, X = made_model(6)
    data = data_of(report(model, X))
    sizes = topic_sizes(model.W, model.H)
    assert [topic["component"] for topic in data["topics"]] == np.argsort(-sizes).tolist()
    assert [topic["share"] for topic in data["topics"]] == pytest.approx(np.sort(sizes)[::-1], rel=1e-3)
    for topic in data["topics"]:
        best = model.H[topic["component"]].argmax()
        assert data["words"]["name"][topic["words"]["word"][0]] == model.vocabulary[best]
        assert 0 < len(topic["documents"]["document"]) <= OF_TOPIC
        rows, parts = topic["documents"]["document"], topic["documents"]["part"]
        assert parts == pytest.approx(proportions(model.W, model.H)[rows, topic["component"]], rel=1e-2)


def test_the_words_of_every_place_of_the_slider_are_there(report):
    model, X = made_model(8)
    data = data_of(report(model, X))
    phi, sizes = word_distributions(model.H), topic_sizes(model.W, model.H)
    for weight in LAMBDAS:
        wanted = rank_words(phi, SHOWN, word_scores(phi, sizes, "relevance", weight))
        for topic in data["topics"]:
            held = {data["words"]["name"][w] for w in topic["words"]["word"]}
            assert {model.vocabulary[j] for j in wanted[topic["component"]]} <= held


def test_words_and_documents_name_their_topics(report):
    W, H = np.eye(3) * 5, np.kron(np.eye(3), [4.0, 2.0])
    data = data_of(report(Model(H=H, W=W, vocabulary=tuple("abcdef")), W @ H, titles=["x", "y", "z"]))
    assert data["words"]["name"] == list("abcdef")
    assert data["words"]["topics"] == [[0, 100], [0, 100], [1, 100], [1, 100], [2, 100], [2, 100]]
    assert data["words"]["count"] == [20, 10, 20, 10, 20, 10]
    assert data["documents"]["name"] == ["x", "y", "z"]
    assert data["documents"]["topics"] == [[0, 100], [1, 100], [2, 100]]
    assert data["documents"]["bag"]["0"] == "a 20, b 10"


def test_a_words_topics_are_weighed_by_their_sizes(report):
    W, H = np.array([[9.0, 0], [0, 3]]), np.array([[1.0, 1], [1, 1]])
    data = data_of(report(Model(H=H, W=W), W @ H))
    assert data["words"]["topics"] == [[0, 75, 1, 25]] * 2  # alike in both topics, of which one is three times as large


def test_rows_of_a_model_name_the_documents(report):
    model = Model(H=np.eye(2), W=np.eye(2), rows=("Genesis", "Exodus"))
    assert data_of(report(model, np.eye(2)))["documents"]["name"] == ["Genesis", "Exodus"]


def test_of_many_documents_less_text_each_is_shown(report):
    for k, longest in ((3, 1200), (300, 600)):
        model, X = made_model(k, n=2000, m=300)
        texts = data_of(report(model, X, texts=["lorem " * 1000] * 2000))["documents"]["text"].values()
        assert 200 <= max(map(len, texts)) <= longest
        assert sum(map(len, texts)) <= 600_000


def test_the_fit_and_how_it_was_made(report):
    model, X = made_model(3)
    data = data_of(report(model, X))
    assert data["history"]["objective"][0] == 100
    assert data["history"]["iteration"] == list(range(5))
    tables = {table["title"]: dict(table["rows"]) for table in data["made"]}
    assert tables["Data"]["Documents"] == "400"
    assert tables["Data"]["Nonzeros"] == f"{X.nnz:,}"
    assert tables["Fit"]["Loss"] == "Kullback-Leibler"
    assert tables["Fit"]["Stopped because of"] == "objective"
    assert tables["Fit"]["Seconds"] == "0.57"
    assert tables["Parameters"] == {"n_components": "3"}
    assert "numpy" in tables["Versions"]


def test_the_versions_shown_are_those_that_wrote_the_model(report):
    model = Model(H=np.eye(2), W=np.ones((3, 2)), versions={"sparsenmf": "0.0.7"})
    made = data_of(report(model, np.ones((3, 2))))["made"]
    assert {"title": "Versions", "rows": [["sparsenmf", "0.0.7"]]} in made


def test_without_history_there_is_no_curve(report):
    assert data_of(report(Model(H=np.eye(2), W=np.ones((3, 2))), np.ones((3, 2))))["history"] is None


def test_every_kind_of_model_gives_a_report(report, counts):
    fit = factorize(counts, 4, random_state=0, max_iter=20)
    assert len(data_of(report(fit, counts))["topics"]) == 4
    model = TopicModel(3, random_state=0, max_iter=20).fit(counts)
    assert len(data_of(report(model, counts))["topics"]) == 3
    other = counts[:25]  # not the rows of the fit: their weights are solved for
    assert data_of(report(model, other))["documents"]["total"] == 25


def test_texts_of_a_topic_model_are_counted_and_shown(report):
    texts = ["cat dog cat", "dog  cat\npet", "bond stock bond", "stock fund bond"]
    data = data_of(report(TopicModel(2, random_state=0).fit(texts), texts))
    assert data["documents"]["text"]["1"] == "dog cat pet"
    assert data["documents"]["bag"] == {}


@pytest.mark.parametrize("form", [np.array, tuple, iter, lambda texts: pytest.importorskip("pandas").Series(texts)])
def test_texts_may_come_in_every_form_that_a_fit_takes(form, report):
    texts = ["cat dog cat", "dog cat pet", "bond stock bond", "stock fund bond"]
    data = data_of(report(TopicModel(2, random_state=0).fit(texts), form(texts)))
    assert sorted(data["documents"]["text"].values()) == sorted(texts)


def test_one_topic_one_word_one_document(report):
    data = data_of(report(Model(H=np.ones((1, 1)), W=np.ones((1, 1))), np.ones((1, 1))))
    assert data["topics"][0]["point"] == [0, 0]
    assert data["words"]["name"] == ["#0"]


def test_topics_without_words_and_documents_without_tokens(report):
    W, H = np.array([[1.0, 0], [0, 0]]), np.array([[1.0, 2.0, 0], [0, 0, 0]])
    data = data_of(report(Model(H=H, W=W), W @ H, groups=["a", "b"]))
    assert data["topics"][1]["name"] == "(empty)"
    assert data["topics"][1]["words"]["word"] == []
    assert data["topics"][1]["documents"]["document"] == []
    assert data["documents"]["topics"][1] == []


def test_weights_of_rows_with_other_names_are_solved_for(report):
    from sparsenmf.io.named import named

    model = Model(H=np.eye(2), W=np.array([[1.0, 0], [0, 1]]), rows=("a", "b"), outcome={"loss": "kl"})
    X = sp.csr_array(np.array([[0.0, 3], [2, 0]]))  # the model's rows in another order
    for names, main in ((("a", "b"), [[0, 100], [1, 100]]), (("b", "a"), [[1, 100], [0, 100]])):
        data = data_of(report(model, named(X, row_names=names)))
        components = [topic["component"] for topic in data["topics"]]
        assert [[components[t], part] for t, part in data["documents"]["topics"]] == main
        assert data["documents"]["name"] == list(names)


def test_a_heading_and_documents_without_a_name(report):
    model = Model(H=np.eye(2), W=np.eye(2))
    data = data_of(report(model, np.eye(2), titles=["first", None], heading="Two  words\n" + "x" * 300))
    assert data["documents"]["name"] == ["first", ""]
    assert data["heading"].startswith("Two words xxx")
    assert len(data["heading"]) == 200
    assert data_of(report(model, np.eye(2)))["heading"] is None


def test_topics_without_any_weight(report):
    data = data_of(report(Model(H=np.eye(2), W=np.zeros((3, 2))), np.outer(np.ones(3), [1.0, 0])))
    assert [topic["share"] for topic in data["topics"]] == [0, 0]
    assert data["documents"]["topics"] == [[], [], []]


def test_what_json_lacks_is_null(report):
    history = {"iteration": [0, 1, 2], "seconds": [0, np.nan, 1], "objective": [np.inf, 3, 2]}
    history = {name: np.array(column, dtype=float) for name, column in history.items()}
    params = {"tol": np.nan, "step": np.inf, "names": {"b", "a"}, "cb": test_what_json_lacks_is_null, "seed": None}
    model = Model(H=np.eye(2), W=np.eye(2), history=history, params=params, outcome={"objective": np.nan})
    page = page_of(report(model, np.eye(2)))
    assert not re.search(r"\bNaN\b|\bInfinity\b", without_library(page).replace("isNaN", ""))
    data = data_of(report(model, np.eye(2)))
    assert data["history"] == {"iteration": [1, 2], "seconds": [None, 1], "objective": [3, 2]}
    rows = dict(data["made"][2]["rows"])
    assert rows == {"tol": "nan", "step": "inf", "names": "a, b", "cb": rows["cb"], "seed": "not given"}
    assert "0x" not in rows["cb"]  # where it lies in memory


def test_parameters_that_are_tables_have_tables(report):
    params = {
        "k": 2,
        "vectorizer": {"class": "CountVectorizer", "settings": {"ngram_range": [1, 2]}, "idf": [1.0] * 999},
    }
    made = data_of(report(Model(H=np.eye(2), W=np.eye(2), params=params), np.eye(2)))["made"]
    tables = {table["title"]: dict(table["rows"]) for table in made}
    assert tables["Parameters"] == {"k": "2"}
    assert tables["Vectorizer"]["class"] == "CountVectorizer"
    assert len(tables["Vectorizer"]["idf"]) == 200
    assert tables["Settings"] == {"ngram_range": "1, 2"}


def test_topics_over_groups(report):
    W, H = np.array([[1.0, 0], [1, 1], [0, 3]]), np.eye(2)
    data = data_of(report(Model(H=H, W=W), W, groups=[2024, None, 2023.0]))["groups"]
    assert (data["kind"], data["name"], data["missing"]) == ("number", ["2023", "2024"], 1)
    assert data["share"] == [[1, 0], [0, 1]]
    assert data["tokens"] == [[3, 0], [0, 1]]


# --- size, sameness -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "most"), [(5, 1.6), (50, 2.5), (300, 6)])
def test_the_file_stays_small(report, k, most):
    model, X = made_model(k, n=3000, m=5000)
    path = report(model, X, texts=["lorem ipsum " * 5000] * 3000, groups=np.arange(3000) % 500)
    assert path.stat().st_size < most * MEGABYTE
    assert len(data_of(path)["topics"]) == k


def test_the_same_input_gives_the_same_file(report):
    model, X = made_model(7)
    first = page_of(report(model, X))
    assert page_of(report(model, X)) == first


# --- the map --------------------------------------------------------------------------------------------------------


def test_classical_scaling_gives_back_points_in_the_plane():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(12, 2))
    between = np.linalg.norm(true[:, None] - true[None], axis=2)
    points = layout.classical_mds(between)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[None], axis=2), between, atol=1e-9)
    np.testing.assert_allclose(layout.majorized(between, points), points, atol=1e-9)


def test_majorization_never_raises_the_stress():
    rng = np.random.default_rng(1)
    distances = rng.uniform(0.5, 1.0, (15, 15))
    distances = np.triu(distances, 1) + np.triu(distances, 1).T
    points = layout.classical_mds(distances)

    def stress(points):
        return ((np.linalg.norm(points[:, None] - points[None], axis=2) - distances) ** 2).sum()

    values = [stress(points := layout.majorized(distances, points, 1)) for _ in range(40)]
    assert (np.diff(values) <= 1e-12).all()
    assert values[-1] < values[0]


def test_where_jensen_shannon_would_take_long_hellinger_is_taken(monkeypatch):
    H = np.random.default_rng(0).random((6, 20))
    assert layout.topic_map(H).metric == "jensen-shannon"
    monkeypatch.setattr(layout, "MOST_BY_JENSEN_SHANNON", 6 * 20 * 6 // 2 - 1)
    assert layout.topic_map(H).metric == "hellinger"


def test_the_nearest_topics_are_named(report):
    H = np.array([[9.0, 9, 1, 0], [9, 8, 2, 0], [9, 1, 9, 0], [0, 0, 0, 5]])
    topics = data_of(report(Model(H=H, W=np.diag([4.0, 3, 2, 1])), H))["topics"]
    assert [topic["near"] for topic in topics] == [[1, 2], [0, 2], [1, 0], []]


def test_alike_topics_are_near_on_the_map():
    H = np.array([[9.0, 9, 1, 0, 0], [9, 8, 2, 0, 0], [0, 0, 1, 9, 9]])
    points, _, metric, _ = layout.topic_map(H)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert metric == "jensen-shannon"
    assert apart[0, 1] < apart[0, 2] / 3


# --- files and errors -----------------------------------------------------------------------------------------------


def test_an_existing_file_stays_without_force(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    model, X = made_model(3)
    with pytest.raises(FileExistsError, match="force"):
        write_report(model, X, path)
    assert path.read_text() == "mine"
    assert write_report(model, X, path, force=True) == path
    assert page_of(path).startswith("<!DOCTYPE html>")


def test_an_error_leaves_nothing_behind(tmp_path, monkeypatch):
    model, X = made_model(3)
    with pytest.raises(ValueError, match="399 texts for 400"):
        write_report(model, X, tmp_path / "report.html", texts=["a"] * 399)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(model, X, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    library.script.cache_clear()
    model, X = made_model(2)

    def read():
        raise AssertionError("work was done before the library was looked for")
        yield

    with pytest.raises(ImportError, match=r'pip install "sparsenmf\[report\]"'):
        write_report(model, X, tmp_path / "report.html", texts=read())
    with pytest.raises(ImportError, match=r'pip install "sparsenmf\[report\]"'):
        write_report(model, X, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"texts": ["a"] * 401}, "more than 400 texts for 400"),
        ({"titles": ["a"]}, "1 titles for 400 rows"),
        ({"groups": ["a"]}, "1 groups for 400 documents"),
        ({"groups": [None] * 400}, "no document has a group"),
    ],
)
def test_what_does_not_go_together_is_named(report, options, message):
    model, X = made_model(2)
    with pytest.raises(ValueError, match=message):
        report(model, X, **options)


def test_other_columns_and_no_model(report):
    model, X = made_model(2)
    with pytest.raises(ValueError, match="5 columns and the model 900 words"):
        report(model, X[:, :5])
    texts = TopicModel(2, random_state=0).fit(["cat dog cat", "dog cat pet", "bond stock bond", "stock fund bond"])
    for single in ("cat dog", b"cat", 5, None):
        with pytest.raises(TypeError, match=f"a list of texts, and is {type(single).__name__}"):
            report(texts, single)
    with pytest.raises(ValueError, match="no document"):
        report(texts, [])
    with pytest.raises(TypeError, match="no fitted model"):
        report(object(), X)
    with pytest.raises(TypeError, match="text 1 is no str but int"):
        snippets(["a", 1], [0, 1], 2)
