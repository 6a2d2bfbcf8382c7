"""Real data that comes with the package, or with one that it depends on."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sparsenmf.io import read, read_names

__all__ = ["KJV", "Digits", "load_digits", "load_kjv"]


class KJV(NamedTuple):
    """Word counts of the King James Bible, a row a verse.

    Attributes
    ----------
    counts : csr_array of shape (31102, 12762), int32
    vocabulary : tuple of str
        The word that each column counts.
    references : tuple of str
        The verse of each row: "Ge1:1" is Genesis, chapter 1, verse 1.
    books : tuple of str
        The 66 books in their order, as the references abbreviate them.
    labels : ndarray of shape (31102,), int64
        The book of each row: a place in `books`.
    """

    counts: sparse.csr_array
    vocabulary: tuple[str, ...]
    references: tuple[str, ...]
    books: tuple[str, ...]
    labels: np.ndarray


class Digits(NamedTuple):
    """Images of handwritten digits, a row an image.

    Attributes
    ----------
    pixels : ndarray of shape (1797, 64), float64
        Grey levels from 0 to 16.
    labels : ndarray of shape (1797,), int64
        The digit that each image shows.
    image_shape : tuple of int
        (8, 8): `pixels[i].reshape(image_shape)` is an image.
    """

    pixels: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int]


def load_kjv() -> KJV:
    """Word counts of the King James Bible: 31,102 verses, 12,762 words, 616,243 nonzeros, 789,684 tokens.

    Words are runs of letters, with apostrophes inside, in lower case; no stop word is left out. The text itself is not
    part of the package; `datasets/README.md` of the repository tells where the counts come from.

    Returns
    -------
    KJV

    Raises
    ------
    FileNotFoundError
        If the package was installed without its data.

    Examples
    --------
    >>> from sparsenmf.datasets import load_kjv
    >>> bible = load_kjv()
    >>> bible.counts.shape, bible.references[0], bible.books[bible.labels[-1]]
    ((31102, 12762), 'Ge1:1', 'Rev')
    """
    folder = _kjv_folder()
    counts = read(folder / "X.npz").X
    references = read_names(folder / "rows.txt.gz", counts.shape[0], "verses")
    # "Ge1:1" -> "Ge", "1Sa1:1" -> "1Sa": the chapter is the run of digits before the colon.
    book_of = [reference.partition(":")[0].rstrip("0123456789") for reference in references]
    starts = [True] + [a != b for a, b in pairwise(book_of)]
    return KJV(
        counts=counts,
        vocabulary=read_names(folder / "vocab.txt.gz", counts.shape[1], "words"),
        references=references,
        books=tuple(book for book, start in zip(book_of, starts, strict=True) if start),
        labels=np.cumsum(starts) - 1,
    )


def load_digits() -> Digits:
    """Handwritten digits (scikit-learn's copy of the UCI optdigits test set): 1,797 images of 8 x 8 pixels, dense.

    Returns
    -------
    Digits

    Examples
    --------
    >>> from sparsenmf.datasets import load_digits
    >>> load_digits().pixels.shape
    (1797, 64)
    """
    from sklearn.datasets import load_digits as sklearn_digits

    pixels, labels = sklearn_digits(return_X_y=True)
    return Digits(pixels=pixels, labels=labels.astype(np.int64), image_shape=(8, 8))


def _kjv_folder() -> Path:
    """The folder in the installed package, or that of the checkout which it is built from."""
    here = Path(__file__).resolve().parent
    installed, checkout = here / "data" / "kjv", here.parents[1] / "datasets" / "kjv"
    for folder in (installed, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the packaged data are missing: no folder {installed}. Install sparsenmf again.")
