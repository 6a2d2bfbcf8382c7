"""The command `demo`: topics of the King James Bible."""

from typing import Any, NamedTuple

import numpy as np
from rich.text import Text
from scipy import sparse

from sparsenmf.cli.console import emit_json, emit_rich, message, number, sparkline, stdout_console
from sparsenmf.cli.fitting import fit_summary, fit_with, options_of
from sparsenmf.cli.reading import Data, speaker
from sparsenmf.cli.reporting import check_report, write_page
from sparsenmf.cli.topics import Ranking, Topic, find_topics, topic_table, topics_as_json
from sparsenmf.datasets import KJV, load_kjv
from sparsenmf.io import Model
from sparsenmf.io.named import named

__all__ = ["ARCHAIC", "Corpus", "make_corpus", "run_demo"]

_ARCHAIC = """
according albeit art away behold betwixt came canst cometh concerning couldest did didst dost doth forth hadst
hast hath hither howbeit lest let lo mayest mightest nay nigh notwithstanding o oh ought peradventure pray
said saidst saith say sayest saying shall shalt shouldest thee thereof thereon thine thither thou thy thyself
till unto verily wast went wert wherefore whereof whereunto whoso whosoever wilt wouldest ye yea yonder
"""
#: What scikit-learn's list of English stop words lacks for a text of 1611.
ARCHAIC = frozenset(_ARCHAIC.split())
_WIDE = 100
_REPORT = "sparsenmf-demo.html"
_TOL = 1e-5  # costs a second more than factorize's default, and the topics read better


class Corpus(NamedTuple):
    """What the demo factorizes: a row a chapter, a column a word that is no stop word."""

    counts: sparse.csr_array
    vocabulary: tuple[str, ...]
    dropped: list[str]
    books: np.ndarray  # of each row, a place in the names of the books
    chapters: tuple[str, ...]  # names of the rows, as "Ge1"


def run_demo(
    *,
    components: int,
    words: int | None,
    rank: str,
    relevance_lambda: float | None,
    report: str | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Factorize the packaged counts, by chapter and without stop words, by KL, and show what came out."""
    ranking = Ranking.take(rank, relevance_lambda)
    if report is not None:
        check_report(report, force)
    bible = load_kjv()
    corpus = make_corpus(bible)
    if not quiet:
        message(_introduction(bible, corpus))
    fit = fit_with(options_of(components, {**arguments, "tol": _TOL}), corpus.counts, "Finding topics", quiet)
    model = Model.of(fit, vocabulary=corpus.vocabulary, rows=corpus.chapters)
    topics = find_topics(model, words or 10, *ranking)
    if as_json:
        history = [record._asdict() for record in fit.history]
        found = {**ranking.as_json(), "topics": topics_as_json(topics)}
        emit_json({**found, "history": history, "dropped": corpus.dropped})
        if report is not None:
            _report(model, corpus, report, force, quiet)
        return
    extra = ("mostly in", _where(bible, corpus, fit.W, topics)) if stdout_console().width >= _WIDE else None
    curve = _fall([record.objective for record in fit.history])
    emit_rich(topic_table(topics, words, extra), "", curve, Text(fit_summary(fit)))
    _report(model, corpus, report, force, quiet)


def _report(model: Model, corpus: Corpus, path: str | None, force: bool, quiet: bool) -> None:
    """Write the report and name it; where it was not asked for, that it cannot be written is no failure."""
    say, target = speaker(quiet), path or _REPORT
    data = Data(named(corpus.counts, corpus.chapters, corpus.vocabulary))
    try:
        check_report(target, force)
        write_page(model, data, target, force, heading="The King James Bible, by chapter")
    except (ImportError, OSError) as error:
        if path is not None:
            raise
        say(f"No report: {error}")
    else:
        say(f"Wrote {target}: open it in a browser.")


def make_corpus(bible: KJV) -> Corpus:
    """Chapters instead of verses, which are too short to show what words go together, without stop words."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    stays = np.array([word not in ENGLISH_STOP_WORDS and word not in ARCHAIC for word in bible.vocabulary])
    words = np.array(bible.vocabulary, dtype=object)
    chapters = [reference.partition(":")[0] for reference in bible.references]  # "Ge1:1" -> "Ge1"
    _, first, row = np.unique(chapters, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # numpy sorts names, the Bible does not
    ones = np.ones(len(row), dtype=np.int32)
    gather = sparse.csr_array((ones, (order[row], np.arange(len(row)))))
    return Corpus(
        counts=gather @ bible.counts[:, stays],
        vocabulary=tuple(words[stays]),
        dropped=list(words[~stays]),
        books=bible.labels[np.sort(first)],
        chapters=tuple(chapters[i] for i in np.sort(first)),
    )


def _introduction(bible: KJV, corpus: Corpus) -> str:
    archaic = sum(word in ARCHAIC for word in corpus.dropped)
    share = 1 - corpus.counts.sum() / bible.counts.sum()
    return (
        f"The King James Bible: {bible.counts.sum():,} words in {corpus.counts.shape[0]:,} chapters.\n"
        f"Dropped {len(corpus.dropped)} stop words, {share:.0%} of the text: {len(corpus.dropped) - archaic} of "
        f"scikit-learn's list and {archaic}\narchaic ones (thou, unto, shall, ...). --json lists them.\n"
    )


def _where(bible: KJV, corpus: Corpus, W: np.ndarray, topics: list[Topic]) -> list[str]:
    """The two books in which each topic has the largest part, of the books with at least 0.5% of the text."""
    weight = np.zeros((len(bible.books), W.shape[1]))
    np.add.at(weight, corpus.books, W)
    size = weight.sum(axis=1, keepdims=True)
    part = np.where(size >= 0.005 * size.sum(), weight / np.maximum(size, np.finfo(float).tiny), 0)
    best = np.argsort(-part, axis=0)[:2]
    return [", ".join(bible.books[b] for b in best[:, topic.component]) for topic in topics]


def _fall(objectives: list[float]) -> Text:
    """First and last objective, and the curve between them."""
    first, last = objectives[0], objectives[-1]
    console = stdout_console()
    curve = sparkline(objectives, min(40, console.width - 40), console.encoding)
    return Text(f"objective {number(first)} ") + curve + Text(f" {number(last)} ({last / first - 1:+.1%})")
