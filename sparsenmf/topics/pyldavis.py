"""The arguments that pyLDAvis's `prepare` takes, made without it."""

from typing import Any

from sparsenmf import _validation as check
from sparsenmf.topics.poisson import proportions, word_distributions
from sparsenmf.topics.training import weights_of_rows

__all__ = ["to_pyldavis"]


def to_pyldavis(model: Any, X: Any) -> dict[str, Any]:
    """The arguments of `pyLDAvis.prepare`, for a model and the documents it is shown on.

    Parameters
    ----------
    model : TopicModel
    X : iterable of str, or matrix of shape (n_samples, n_features)
        Texts or counts. Those that the model was fitted to have their weights already; others are solved for.

    Returns
    -------
    dict
        `topic_term_dists`, `doc_topic_dists`, `doc_lengths`, `vocab`, `term_frequency`: use it as
        `pyLDAvis.prepare(**to_pyldavis(model, X))`. pyLDAvis wants distributions that sum to 1 and words that occur, so
        documents without a topic, topics without words, and words that X or every topic lacks are left out.

    Raises
    ------
    ValueError
        If X has other columns than the model, or nothing would be left.

    Examples
    --------
    >>> from sparsenmf.topics import TopicModel, to_pyldavis
    >>> texts = ["cat dog", "stock bond", ""]
    >>> prepared = to_pyldavis(TopicModel(2, random_state=0).fit(texts), texts)
    >>> prepared["vocab"], prepared["doc_lengths"].tolist(), prepared["doc_topic_dists"].shape
    (['bond', 'cat', 'dog', 'stock'], [2.0, 2.0], (2, 2))
    """
    counts = model.counts(X)
    A = check.check_matrix(counts)
    lengths, frequency = A.sums(1), A.sums(0)
    phi = word_distributions(model.components_)
    W = weights_of_rows(model.outcome_, A)
    theta = model.transform(counts) if W is None else proportions(W, model.components_)
    words = (frequency > 0) & (phi.sum(axis=0) > 0)
    phi = word_distributions(phi[:, words]) if words.any() else phi[:, words]
    topics = phi.sum(axis=1) > 0
    theta = theta[:, topics]
    documents = (theta.sum(axis=1) > 0) & (lengths > 0)
    if not documents.any():
        raise ValueError("no document has a topic: there is nothing to be shown.")
    theta = theta[documents] / theta[documents].sum(axis=1, keepdims=True)
    vocabulary = model.vocabulary_ or [f"#{column}" for column in range(len(words))]
    return {
        "topic_term_dists": phi[topics],
        "doc_topic_dists": theta,
        "doc_lengths": lengths[documents],
        "vocab": [word for word, kept in zip(vocabulary, words, strict=True) if kept],
        "term_frequency": frequency[words],
    }
