"""The report in a real browser: headless Chromium, driven by playwright. Skipped where either is missing."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from sparsenmf.io import Model
from sparsenmf.report import write_report
from sparsenmf.topics import topic_sizes, word_distributions, word_scores
from tests.reports import HOSTILE, made_model

pytest.importorskip("vl_convert", reason="the charting library comes with vl-convert (the extra 'report')")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser():
    """Chromium: the system's, or playwright's own."""
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, NAMES)), own)
        if not Path(found).exists():
            pytest.skip("there is no Chromium: install Debian's chromium, or run `playwright install chromium`")
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if root else [])
        yield chromium
        chromium.close()


class Opened:
    """A page with all that it asked for and complained of."""

    def __init__(self, browser, path, **options):
        self.requests, self.complaints = [], []
        self.context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **options})
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append("a dialog opened"), dialog.dismiss()))
        self.page.goto(path.as_uri())
        for chart in ("map", "bars"):
            self.page.wait_for_selector(f"#{chart} svg")

    def words(self):
        return [text.partition(":")[0] for text in self.page.locator("#words li").all_text_contents()]

    def drawn_words(self):
        labels = self.page.locator("#bars svg .role-axis-label text").all_text_contents()
        return [label.rstrip("\u200b") for label in labels if label.startswith("word")]

    def title(self):
        return self.page.locator("#topic-title").text_content()


@pytest.fixture
def opened(browser, tmp_path):
    pages = []

    def open_page(model, X, view=None, **options):
        path = write_report(model, X, tmp_path / "report.html", force=True, **options)
        pages.append(Opened(browser, path, **(view or {})))
        return pages[-1]

    yield open_page
    for page in pages:
        # Every test's last word: no page asked for anything but itself, nor complained.
        assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
        assert page.complaints == []
        page.context.close()


def largest_topic_scores(model, weight):
    """The relevance of each word in the largest topic, by name."""
    phi, sizes = word_distributions(model.H), topic_sizes(model.W, model.H)
    scores = word_scores(phi, sizes, "relevance", weight)[np.argmax(sizes)]
    return dict(zip(model.vocabulary, scores, strict=True))


@pytest.mark.parametrize("k", [5, 50, 300])
def test_topics_slider_and_search(opened, k):
    model, X = made_model(k, n=1500, m=1000)
    report = opened(model, X, texts=[f"verse {i} of many" for i in range(1500)], groups=np.arange(1500) % 12)
    page = report.page
    assert page.locator("#topics li").count() == k
    assert page.locator("#map svg .mark-symbol path").count() == k
    # The slider ranks as the library does: the shown words' scores are the best ones, to the digits that a page holds.
    orders = []
    for weight in (0.0, 0.6, 1.0):
        page.locator("#lambda").fill(str(weight))
        assert page.locator("#lambda-value").text_content() == f"{weight:.1f}"
        orders.append(report.words())
        scores = largest_topic_scores(model, weight)
        shown = [scores[word] for word in orders[-1]]
        assert len(shown) == 30
        np.testing.assert_allclose(shown, sorted(scores.values(), reverse=True)[:30], atol=2e-3)
    assert orders[0] != orders[1] != orders[2]
    # A word is found by its name, and leads to the topic that has most of it.
    page.locator("#lambda").fill("0")
    word = report.words()[0]
    page.locator("#next").click()
    page.locator("#query").fill(word)
    hit = page.locator("#found .hit >> nth=0")
    assert hit.locator("span >> nth=0").text_content() == word
    first = hit.locator(".tops").text_content().split()[0]
    page.keyboard.press("Enter")
    assert report.title().startswith(f"{first}. ")
    assert word in page.locator("#word-chosen").text_content()
    # A document is found by its name.
    page.locator("#query").fill("document 1,234")
    page.get_by_role("button", name="Document 1,234").first.click()
    assert page.locator("#documents li >> nth=0").text_content().startswith("Document 1,234")
    page.wait_for_selector("#groups svg")


def test_the_bars_follow_the_slider(opened):
    model, X = made_model(6)
    report = opened(model, X)
    report.page.locator("#lambda").fill("1")
    report.page.wait_for_timeout(300)
    likely = report.drawn_words()
    assert likely == report.words()
    report.page.locator("#lambda").fill("0")
    report.page.wait_for_timeout(300)
    assert report.drawn_words() == report.words() != likely


def test_keys_alone_are_enough(opened):
    model, X = made_model(7)
    report = opened(model, X)
    page = report.page
    page.locator("#topics button >> nth=0").focus()
    page.keyboard.press("ArrowDown")
    assert report.title().startswith("2. ")
    page.keyboard.press("End")
    assert report.title().startswith("7. ")
    assert page.locator("#next").is_disabled()
    page.locator("#previous").press("Enter")
    assert report.title().startswith("6. ")
    before = report.words()
    page.locator("#lambda").press("Home")
    assert report.words() != before
    page.locator("#query").fill("word1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "hit"
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()
    assert page.evaluate("document.activeElement.id") == "query"


def test_a_slash_goes_to_the_search(opened):
    model, X = made_model(3)
    page = opened(model, X).page
    page.locator("#topics button >> nth=1").focus()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.type("a/b")
    assert page.locator("#query").input_value() == "a/b"


def test_a_word_is_lit_by_a_click_on_its_row(opened):
    model, X = made_model(5)
    report = opened(model, X)
    page = report.page
    fifth = report.words()[4]
    chart = page.locator("#bars svg .mark-rect >> nth=-1")  # above the bars: rows as wide as the chart
    chart.locator("path >> nth=4").click(position={"x": 200, "y": 5})
    assert f"\u201c{fifth}\u201d" in page.locator("#word-chosen").text_content()
    page.locator("#word-chosen button").click()
    assert page.locator("#word-chosen").is_hidden()


def test_the_nearest_topics_lead_on(opened):
    model, X = made_model(5)
    report = opened(model, X)
    near = report.page.locator("#near button >> nth=0")
    number = near.text_content().split()[0]
    near.click()
    assert report.title().startswith(f"{number}. ")
    assert f"Nearest to topic {number}:" in report.page.locator("#near").text_content()


def test_one_topic_of_one_document(opened):
    report = opened(Model(H=np.ones((1, 2)), W=np.ones((1, 1)), vocabulary=("a", "b")), np.ones((1, 2)), groups=["x"])
    assert report.title() == "1. a b"
    assert report.page.locator("#title").text_content() == "1 topic in 1 document"
    assert report.page.locator("#next").is_disabled()
    assert report.page.locator("#near").text_content() == "No topic shares words with topic 1."


def test_topics_without_words_or_weight(opened):
    H, W = np.array([[1.0, 2, 0], [0, 0, 0], [0, 0, 3]]), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    report = opened(Model(H=H, W=W), np.array([[1.0, 2, 0], [1, 0, 0], [0, 0, 0]]), groups=[1, 2, 3])
    for number in (2, 3):
        report.page.locator("#next").click()
        assert report.title().startswith(f"{number}. ")
        without = "It has no words" in report.page.locator("#topic-facts").text_content()
        assert without == (report.words() == [])
    assert report.page.locator("#documents").text_content() == "No document has this topic."


def test_words_of_every_script_and_length(opened):
    words = ("\u05e9\u05dc\u05d5\u05dd", "\U0001f600" * 30, "x" * 500, "x" * 500 + "y", "\u202eevil", "w" * 70)
    model = Model(H=np.full((2, 6), 0.1) + np.eye(2, 6), W=np.eye(2), vocabulary=words)
    texts = ["\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd " + "\U0001f600" * 100, "w" * 1000]
    view = {"viewport": {"width": 390, "height": 844}}
    report = opened(
        model, np.ones((2, 6)), view=view, texts=texts, titles=["\u05e9\u05dc", "t" * 99], heading="h" * 150
    )
    page = report.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # Two words that are cut to one have a row each.
    assert page.locator("#bars svg .role-axis-label text").count() >= len(words)
    page.locator("#query").fill("\U0001f600")
    assert page.locator("#found .hit").count() == 3
    assert "\ufffd" not in page.locator("body").inner_text()


def test_words_that_mean_something_to_scripts_are_words(opened):
    words = (
        "__proto__",
        "constructor",
        "toString",
        "null",
        "NaN",
        "true",
        "2024-01-01",
        "datum.x",
        "a|b",
        "[0]",
        "'",
        '"',
    )
    m = len(words)
    model = Model(H=np.full((2, m), 0.5) + np.eye(2, m), W=np.eye(2), vocabulary=words, rows=words[:2])
    page = opened(model, np.ones((2, m)), groups=words[:2]).page
    labels = page.locator("#bars svg .role-axis-label text").all_text_contents()
    assert {label.rstrip("\u200b") for label in labels} >= set(words)
    page.wait_for_selector("#groups svg .mark-rect path")
    page.locator("#query").fill("__proto__")
    assert page.locator("#found .hit").count() == 4  # the word, a topic that it names, and two documents


def test_a_small_screen_shows_what_was_chosen(opened):
    model, X = made_model(300, n=600)
    report = opened(model, X, view={"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True})
    page = report.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#topics button >> nth=2").tap()
    assert report.title().startswith("3. ")
    assert 0 <= page.locator("#topic-title").bounding_box()["y"] < 600
    page.locator("#query").fill("word7")
    page.locator("#found .hit >> nth=0").tap()
    assert page.locator("#found").is_hidden()
    assert 0 <= page.locator("#topic-title").bounding_box()["y"] < 600


def test_a_wide_screen_stays_where_it_is_when_a_topic_is_chosen_in_the_list(opened):
    model, X = made_model(8)
    page = opened(model, X, view={"viewport": {"width": 1440, "height": 700}}).page
    page.evaluate("scrollTo(0, 600)")
    before = page.evaluate("scrollY")
    page.locator("#topics button >> nth=3").click()
    assert page.evaluate("scrollY") == before > 0


def test_the_heading_is_the_title_too(opened):
    model, X = made_model(3)
    page = opened(model, X, heading="Letters & <notes>").page
    assert page.locator("h1").text_content() == "Letters & <notes>"
    assert page.title() == "Letters & <notes>: 3 topics in 400 documents"


def test_a_circle_of_the_map_chooses_its_topic(opened):
    model, X = made_model(4)
    report = opened(model, X)
    report.page.locator("#map svg .mark-symbol path >> nth=2").click()
    assert report.title()[:2] == "3."
    assert report.page.locator("#topics button[aria-current] .number").text_content() == "3"


def test_hostile_strings_are_shown_as_text(opened):
    shown = " ".join(HOSTILE.split())
    words = (HOSTILE, "<img src=x onerror=alert(1)>", "plain")
    model = Model(H=np.eye(3) + 0.1, W=np.eye(3) * 4, vocabulary=words, params={HOSTILE: HOSTILE})
    report = opened(model, np.eye(3), texts=[HOSTILE] * 3, titles=[HOSTILE, "b", "c"], groups=[HOSTILE, "b", "c"])
    page = report.page
    assert shown in page.locator("#documents .text >> nth=0").text_content()
    page.locator("#query").fill("<script>")
    assert shown in page.locator("#found-list").text_content()
    page.keyboard.press("Escape")
    page.locator("#map svg .mark-symbol path >> nth=0").hover()
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelectorAll('b, img, main script, header script').length") == 0
    assert page.evaluate("document.scripts.length") == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_the_page_fits_every_width(opened, width, scheme):
    model, X = made_model(20)
    view = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
    page = opened(model, X, view=view, texts=["w" * 500] * 400, groups=[f"group {i % 40}" for i in range(400)]).page
    page.wait_for_selector("#groups svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


def test_the_colours_change_with_the_system(opened):
    model, X = made_model(3)
    page = opened(model, X).page
    bar = page.locator("#bars svg .mark-rect path >> nth=0")
    light = bar.get_attribute("fill")
    page.emulate_media(color_scheme="dark")
    sync_api.expect(bar).not_to_have_attribute("fill", light)


def test_controls_have_names(opened):
    model, X = made_model(3)
    page = opened(model, X, groups=np.arange(400) % 3).page
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input')].filter((control) =>
            !(control.textContent.trim() || control.getAttribute('aria-label') || control.labels?.length)).length"""
    )
    assert nameless == 0
    assert page.get_by_role("slider").get_attribute("id") == "lambda"
    assert page.get_by_role("searchbox").get_attribute("id") == "query"
