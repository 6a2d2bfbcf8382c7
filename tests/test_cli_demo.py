"""`sparsenmf info`, `warmup` and `demo`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf.cli import main
from sparsenmf.cli.demo import ARCHAIC, make_corpus
from sparsenmf.datasets import load_kjv

pytestmark = pytest.mark.usefixtures("own_folder")


def test_info_names_what_a_bug_report_needs(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["threads"]["layer"] in {"tbb", "omp", "workqueue"}
    assert facts["threads"]["count"] >= 1
    assert facts["processor"]["cores"] >= 1
    assert facts["blas"]
    assert Path(facts["cache"]["folder"]).is_absolute()
    assert main(["info"]) == 0
    assert "numba" in capsys.readouterr().out


def test_warmup_tells_what_it_has_done(monkeypatch, capsys):
    seen = []

    def steps(dtypes):
        seen.append(dtypes)
        yield "kl auto float32"

    monkeypatch.setattr("sparsenmf.warm.warmup_steps", steps)
    assert main(["warmup"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "kl auto float32" in err
    assert main(["warmup", "--double", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert seen == [("float32", "int64"), ("float32", "int64", "float64")]


def test_demo_corpus_is_chapters_without_stop_words():
    bible = load_kjv()
    corpus = make_corpus(bible)
    assert corpus.counts.shape[0] == len(corpus.books) == 1189
    assert corpus.counts.shape[1] == len(corpus.vocabulary) == 12762 - len(corpus.dropped)
    assert {"the", "thou", "unto", "shall"} <= set(corpus.dropped)
    assert not set(corpus.dropped) & set(corpus.vocabulary)
    assert set(bible.vocabulary) >= ARCHAIC  # each of them does something
    rows = [i for i, reference in enumerate(bible.references) if reference.startswith("Exo20:")]
    exodus = np.flatnonzero(corpus.books == bible.books.index("Exo"))
    assert len(exodus) == 40
    god = corpus.counts[[exodus[19]]].toarray()[0, corpus.vocabulary.index("god")]
    assert god == bible.counts[rows].toarray()[:, bible.vocabulary.index("god")].sum()


def test_demo_shows_topics_and_the_fall_of_the_objective(capsys):
    assert main(["demo", "-k", "4", "--max-iter", "8"]) == 0
    out, err = capsys.readouterr()
    assert "archaic" in err
    assert len(re.findall(r"^ +\d+ +\d+\.\d% ", out, re.MULTILINE)) == 4
    assert re.search(r"objective [\d,]+ .*█.* [\d,]+ \(-\d+\.\d%\)", out)
    assert "kl objective" in out


def test_demo_as_json(capsys):
    assert main(["demo", "-k", "2", "--max-iter", "3", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert len(document["topics"]) == 2
    assert (document["rank"], document["lambda"]) == ("relevance", 0.6)
    assert document["history"][-1]["objective"] < document["history"][0]["objective"]
    assert "thou" in document["dropped"]
