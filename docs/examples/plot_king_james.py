"""
Topics of the King James Bible
==============================

Word counts are what the Kullback-Leibler cost is for: minimising it is maximum likelihood for Poisson counts. A row of
X is a chapter, a column a word, a row of H a topic: the words that go together. The counts come with sparsenmf.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from _style import few, save, use_style
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from sparsenmf import factorize
from sparsenmf.datasets import load_kjv

use_style()

# %%
# Chapters and words
# ------------------
#
# Verses are too short to show which words go together, so they are added up by chapter. Words of scikit-learn's list,
# those that modern English has lost, and those in fewer than five chapters are left out.

bible = load_kjv()
ARCHAIC = (
    "art away behold came cast cometh did didst dost doth forth hadst hast hath let lo nay o pray said saith saying "
    "say shall shalt thee thereof thine thou thy till unto upon verily wast went wherefore whosoever wilt ye yea"
)
names = [reference.partition(":")[0] for reference in bible.references]  # "Ge1:1" -> "Ge1"
_, first, row = np.unique(names, return_index=True, return_inverse=True)
chapter = np.argsort(np.argsort(first))[row]  # in the Bible's order, not the alphabet's
add_up = sp.csr_array((np.ones(len(row)), (chapter, np.arange(len(row)))))
counts = (add_up @ bible.counts).tocsc()
stop = ENGLISH_STOP_WORDS | set(ARCHAIC.split())
stays = np.array([word not in stop for word in bible.vocabulary]) & (np.diff(counts.indptr) >= 5)
X, words = counts[:, stays].tocsr(), np.array(bible.vocabulary)[stays]
book_of_chapter = bible.labels[np.sort(first)]

# %%
# A Poisson model, read as topics
# -------------------------------
#
# With the rows of H scaled to sum to 1 they are distributions over words, and W holds the number of words of each
# chapter that a topic explains. Topics are put in the order in which the Bible reaches them. Words that are frequent
# everywhere say little of a topic, so those are shown that tell it from the text as a whole: their terms in the
# Kullback-Leibler divergence between the two distributions are the largest.

K = few(12, 4)
fit = factorize(X, K, loss="kl", random_state=4, tol=1e-6, max_iter=few(500, 10))
totals = fit.H.sum(axis=1)
W, H = fit.W * totals, fit.H / totals[:, None]
centre = (np.arange(len(W)) @ W) / W.sum(axis=0)
order = np.argsort(centre)
W, H = W[:, order], H[order]
share = W.sum(axis=0) / W.sum()
everywhere = X.sum(axis=0) / X.sum()
telling = H * np.log(np.maximum(H, 1e-12) / everywhere)

figure, axes = plt.subplots(-(-K // 4), 4, figsize=(7.8, 2.0 * -(-K // 4)), sharex=True)
for topic, panel in enumerate(axes.flat):
    top = np.argsort(-telling[topic])[:8][::-1]
    panel.barh(words[top], 100 * H[topic, top], color="0.6", height=0.7)
    panel.set_title(f"topic {topic + 1}: {share[topic]:.0%}")
    panel.tick_params(axis="y", length=0)
figure.suptitle("Topics, and their shares of the text")
figure.supxlabel("share of the topic's words, per cent", fontsize=9)
save(
    figure,
    "king_james_words",
    f"{K} small bar charts, one a topic, of its eight most telling words: sacrifices, genealogies, kings, wisdom, "
    "prophecy, the gospels, the letters and others, in the order in which the Bible reaches them.",
)

# %%
# Where the topics are
# --------------------
#
# A line is a book of the Bible; its greys are the shares of the topics in its words. Laws, kings, psalms, prophets,
# gospels and letters fall into blocks that the model was never told of.

by_book = np.zeros((len(bible.books), K))
np.add.at(by_book, book_of_chapter, W)
by_book /= by_book.sum(axis=1, keepdims=True)

figure, panel = plt.subplots(figsize=(7.2, 8.6))
drawn = panel.imshow(by_book, cmap="gray_r", aspect="auto", vmin=0, vmax=1)
panel.set_yticks(range(len(bible.books)), bible.books, fontsize=6)
titles = [" ".join(words[np.argsort(-row)[:3]]) for row in telling]
panel.set_xticks(range(K), titles, rotation=40, ha="right")
panel.set(xlabel="topic, by its three most telling words", ylabel="book")
figure.colorbar(drawn, label="share of the book's words", shrink=0.5, aspect=30)
save(
    figure,
    "king_james_books",
    "Heat map of the 66 books against the topics. Most books are dark in one or two topics; neighbours share them: "
    "books of law, of kings, of prophets, the gospels and the letters form blocks along the diagonal.",
)
