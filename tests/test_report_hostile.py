"""What a report makes of strings that want to be more than text, and of words of every kind."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from sparsenmf.io import Model
from tests.reports import HOSTILE, data_of, made_model, page_of, without_library

pytest.importorskip("vl_convert", reason="the charting library comes with vl-convert (the extra 'report')")


def test_hostile_strings_stay_data(report):
    texts = [HOSTILE, "plain words", HOSTILE * 2]
    model = Model(H=np.eye(3), W=np.eye(3), vocabulary=(HOSTILE, "<img src=x onerror=alert(1)>", "\ud800"))
    path = report(model, np.eye(3), texts=texts, titles=[HOSTILE] * 3, groups=[HOSTILE, "<i>", "&amp;"])
    page = page_of(path)
    assert page.count("</script>") == 4
    assert "alert(1)" in page
    assert not re.search(r"<script>alert|<img|<b>bold|[\u2028\u2029]", without_library(page))
    data = data_of(path)
    shown = " ".join(HOSTILE.split())
    assert shown in data["documents"]["text"].values()
    assert shown in data["documents"]["name"]


def test_hostile_names_of_everything_stay_data(report):
    params = {HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE]}}
    outcome = {"loss": HOSTILE, "solver": HOSTILE, "stop_reason": HOSTILE}
    model = Model(
        H=np.eye(2), W=np.eye(2), vocabulary=(HOSTILE, "a"), params=params, outcome=outcome, rows=(HOSTILE, "b")
    )
    path = report(replace(model, versions={HOSTILE: HOSTILE}), np.eye(2), heading=HOSTILE)
    page = page_of(path)
    assert page.count("</script>") == 4
    assert not re.search(r"<script>alert|<b>bold|[\u2028\u2029]", without_library(page))
    data = data_of(path)
    assert data["heading"] == data["documents"]["name"][0] == " ".join(HOSTILE.split())
    assert {"title": "Versions", "rows": [[HOSTILE, HOSTILE]]} in data["made"]


def test_the_policy_names_the_scripts_that_the_page_holds_and_no_others(report):
    page = page_of(report(*made_model(2)))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    assert len(scripts) == 3
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    named = " ".join(f"'sha256-{digest}'" for digest in hashes)
    assert f"script-src {named};" in policy
    assert "unsafe-eval" not in policy
    assert "\r" not in page  # a browser would make it a line feed, and the hash another


def test_words_of_every_script_and_length(report):
    words = (
        "\u05e9\u05dc\u05d5\u05dd",
        "\U0001f600" * 50,
        "x" * 5000,
        "x" * 5000 + "y",
        "\u202eevil",
        "e\u0301",
        " ",
        "",
    )
    model = Model(H=np.eye(8) + 0.01, W=np.eye(8), vocabulary=words)
    data = data_of(report(model, np.eye(8), titles=words, texts=words, groups=words))
    assert data["words"]["name"][:2] == ["\u05e9\u05dc\u05d5\u05dd", "\U0001f600" * 50]
    assert data["words"]["name"][2] == data["words"]["name"][3] == "x" * 79 + "\u2026"
    assert max(len(topic["name"]) for topic in data["topics"]) <= 120
    assert max(map(len, data["documents"]["name"])) <= 100


def test_markup_of_the_template_in_data_is_not_replaced(report):
    model = Model(H=np.eye(2), W=np.eye(2), vocabulary=("/* library */", r"\1 \g<0>"))
    assert data_of(report(model, np.eye(2)))["words"]["name"] == ["/* library */", r"\1 \g<0>"]


def test_nothing_is_asked_of_a_network(report):
    model, X = made_model(3)
    page = page_of(report(model, X))
    own = without_library(page)
    assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", own)
    assert not re.search(r"\bsrc\s*=|<link|@import|url\(", own)
    assert "default-src 'none'" in own


def test_scripts_set_text_only():
    from importlib import resources

    for name in ("page.js", "charts.js"):
        script = resources.files("sparsenmf.report").joinpath(name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)
