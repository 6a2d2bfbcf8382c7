"""`sparsenmf topics` of a model: shares, rankings and the table."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf.cli import main
from sparsenmf.cli.topics import find_topics, topic_table
from sparsenmf.io import Model, load_model, save_model

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def model(tmp_path):
    """Three topics over five words: shares 0.5, 0.3 and 0.2."""
    H = np.array([[4, 3, 2, 1, 0], [0, 0, 0, 10, 0], [1, 0, 0, 0, 9]], dtype=np.float32)
    W = np.array([[2, 5, 3], [1, 0, 0]], dtype=np.float32) * np.array([1, 0.3, 0.5], dtype=np.float32)
    path = tmp_path / "model.npz"
    save_model(path, Model(H=H, W=W, vocabulary=("ark", "flood", "rain", "[bold]sea", "dove")))
    return path


def test_topics_are_sorted_by_share_and_name_their_words(model):
    topics = find_topics(load_model(model), 3, "weight")
    assert [topic.component for topic in topics] == [0, 1, 2]
    np.testing.assert_allclose([topic.share for topic in topics], [0.5, 0.25, 0.25])
    assert [word.name for word in topics[0].words] == ["ark", "flood", "rain"]
    np.testing.assert_allclose([word.weight for word in topics[0].words], [0.4, 0.3, 0.2])
    assert [word.name for word in topics[1].words] == ["[bold]sea"]  # words of weight 0 are left out


def test_lift_is_the_probability_in_the_topic_over_that_at_large(model):
    topics = find_topics(load_model(model), 5, "lift")
    # "flood" and "rain" stand in topic 0 alone, with half of all tokens: lift 2, and the heavier word first.
    assert [word.name for word in topics[0].words] == ["flood", "rain", "ark", "[bold]sea"]
    ark = topics[0].words[2]
    assert ark.lift == pytest.approx(0.4 / (0.5 * 0.4 + 0.25 * 0.1))
    relevance = find_topics(load_model(model), 5, "relevance", 0.5)[0].words
    scores = [word.weight * word.lift for word in relevance]
    assert scores == sorted(scores, reverse=True)
    by_default = find_topics(load_model(model), 5)[0].words
    scores = [word.weight**0.6 * word.lift**0.4 for word in by_default]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("options", "ranking", "weight"),
    [
        ([], "relevance", 0.6),
        (["--lambda", "0"], "relevance", 0.0),
        (["--rank", "relevance", "--lambda", "1"], "relevance", 1.0),
        (["--rank", "probability"], "probability", None),
        (["--rank", "lift"], "lift", None),
        (["--rank", "frex"], "frex", None),
        (["--rank", "weight"], "probability", None),
    ],
)
def test_rank_and_lambda_are_those_of_the_library(options, ranking, weight, tmp_path, capsys):
    from sparsenmf.topics import find_topics as of_the_library

    H = np.random.default_rng(5).gamma(0.4, 1, (3, 50)).astype(np.float32)
    path = save_model(tmp_path / "model.npz", Model(H=H, W=np.ones((4, 3), dtype=np.float32)))
    assert main(["topics", str(path), "-n", "7", "--json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    expected = of_the_library(H, np.ones((4, 3)), None, 7, ranking, 0.6 if weight is None else weight)
    shown = [[word["name"] for word in topic["words"]] for topic in document["topics"]]
    assert shown == [[word.name for word in topic.words] for topic in expected]
    assert document["rank"] == (options[1] if "--rank" in options else "relevance")
    assert document["lambda"] == weight
    assert main(["topics", str(path), "-n", "7", *options]) == 0
    rows = [line.split()[2:] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == shown


def test_topics_of_odd_models():
    nothing = find_topics(Model(H=np.zeros((2, 3)), W=np.zeros((4, 2))))
    assert [topic.share for topic in nothing] == [0, 0]
    assert all(topic.words == () for topic in nothing)
    without_w = find_topics(Model(H=np.array([[1.0, 0.0], [0.0, 3.0]])))
    assert all(np.isnan(topic.share) for topic in without_w)
    assert [topic.words[0].name for topic in without_w] == ["#1", "#0"]


def test_topics_command_prints_a_line_a_topic_into_a_pipe(model, capsys):
    assert main(["topics", str(model), "-n", "2", "--rank", "weight"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()[2:]]
    assert lines[0] == ["0", "50.0%", "ark", "flood"]
    assert "[bold]sea" in lines[1]
    assert "\x1b" not in out


def test_topics_command_as_json(model, capsys):
    assert main(["topics", str(model), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [topic["component"] for topic in document["topics"]] == [0, 1, 2]
    assert set(document["topics"][0]["words"][0]) == {"name", "column", "weight", "lift"}


def test_topics_of_a_matrix_say_what_to_do(matrix, capsys):
    assert main(["topics", str(matrix)]) == 1
    assert "sparsenmf fit" in capsys.readouterr().err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_table_fits_the_terminal_with_a_line_a_topic(model, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    H = np.random.default_rng(0).random((4, 60))
    path = save_model(
        model.with_name("wide.npz"), Model(H=H, W=np.ones((3, 4)), vocabulary=[f"longword{j}" for j in range(60)])
    )
    assert main(["topics", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 2 + 4
    assert main(["topics", str(path), "-n", "30"]) == 0  # asked for: folded onto more lines
    out = capsys.readouterr().out
    assert len(re.findall("longword", out)) == 4 * 30
    assert max(map(len, out.splitlines())) <= width


def test_extra_column_of_a_topic_table(model):
    table = topic_table(find_topics(load_model(model)), 2, ("mostly in", ["Ge", "Exo", "Lev"]))
    assert [column.header for column in table.columns] == ["topic", "share", "mostly in", "top words"]
    assert table.row_count == 3
