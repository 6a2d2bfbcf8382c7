"""Poisson factors as topics: X_ij ~ Poisson(sum_t w_it h_tj) says the same as a multinomial topic model.

Let s_t be the sum of row t of H. The tokens of document i are Poisson in number, with mean sum_t w_it s_t; given their
number, each is drawn by choosing a topic with probability theta_it = w_it s_t / sum_u w_iu s_u and then a word
with probability phi_tj = h_tj / s_t. (A Poisson vector given its sum is multinomial; C. Ding, T. Li and W. Peng, 2008,
say it of NMF and PLSA.) So nothing is approximated here: W and H are rescaled, and W H stays what it is.
"""

from typing import Any

import numpy as np

__all__ = ["proportions", "topic_mass", "topic_sizes", "word_distributions"]


def topic_mass(W: Any, H: Any) -> np.ndarray:
    """The tokens that each document has of each topic, as the model expects them.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)

    Returns
    -------
    ndarray of shape (n, k), float64
        w_it s_t, with s_t the sum of row t of H. The rows' sums are those of W H.

    Raises
    ------
    ValueError
        If W and H do not have one number of topics.

    Examples
    --------
    >>> from sparsenmf.topics import topic_mass
    >>> topic_mass([[1.0, 2.0]], [[1.0, 3.0], [0.5, 0.0]])
    array([[4., 1.]])
    """
    W, H = _factors(W, H)
    return np.multiply(W, H.sum(axis=1, dtype=np.float64), dtype=np.float64)


def proportions(W: Any, H: Any) -> np.ndarray:
    """The topics' proportions in each document.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)

    Returns
    -------
    ndarray of shape (n, k), float64
        Rows sum to 1. A document without any topic (an empty one, or one of unknown words) has a row of zeros.

    Raises
    ------
    ValueError
        If W and H do not have one number of topics.

    Examples
    --------
    >>> from sparsenmf.topics import proportions
    >>> proportions([[1.0, 2.0], [0.0, 0.0]], [[1.0, 3.0], [0.5, 0.0]])
    array([[0.8, 0.2],
           [0. , 0. ]])
    """
    return rows_to_one(topic_mass(W, H))


def word_distributions(H: Any) -> np.ndarray:
    """The words' probabilities in each topic.

    Parameters
    ----------
    H : array-like of shape (k, m)

    Returns
    -------
    ndarray of shape (k, m), float64
        Rows sum to 1; that of a topic without words is zero.

    Examples
    --------
    >>> from sparsenmf.topics import word_distributions
    >>> word_distributions([[1.0, 3.0], [0.0, 0.0]])
    array([[0.25, 0.75],
           [0.  , 0.  ]])
    """
    return rows_to_one(np.array(H, dtype=np.float64, ndmin=2))


def topic_sizes(W: Any, H: Any) -> np.ndarray:
    """Each topic's share of all tokens.

    Parameters
    ----------
    W : array-like of shape (n, k) or None
        None: the documents are not known, and the shares are those of the sums of H's rows, which have a meaning only
        where all documents weigh the topics alike.
    H : array-like of shape (k, m)

    Returns
    -------
    ndarray of shape (k,), float64
        They sum to 1, or are all 0 where there are no tokens.

    Raises
    ------
    ValueError
        If W and H do not have one number of topics.

    Examples
    --------
    >>> from sparsenmf.topics import topic_sizes
    >>> topic_sizes([[1.0, 2.0], [0.0, 6.0]], [[1.0, 3.0], [0.5, 0.0]])
    array([0.5, 0.5])
    """
    H = np.asarray(H)
    mass = H.sum(axis=1, dtype=np.float64)
    if W is not None:
        W, H = _factors(W, H)
        mass = mass * W.sum(axis=0, dtype=np.float64)
    return rows_to_one(mass[None])[0]


def rows_to_one(mass: np.ndarray) -> np.ndarray:
    """Divide each row, in place, by its sum, where that is not zero."""
    sums = mass.sum(axis=1, keepdims=True)
    np.divide(mass, sums, out=mass, where=sums > 0)
    return mass


def _factors(W: Any, H: Any) -> tuple[np.ndarray, np.ndarray]:
    W, H = np.asarray(W), np.asarray(H)
    if W.ndim != 2 or H.ndim != 2 or W.shape[1] != H.shape[0]:
        raise ValueError(
            f"W must be documents x topics and H topics x words; their shapes are {W.shape} and {H.shape}: "
            "is one of them turned?"
        )
    return W, H
