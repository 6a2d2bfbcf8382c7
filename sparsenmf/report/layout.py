"""The map of topics: distances of their word distributions, laid out in the plane."""

from typing import Any, NamedTuple

import numpy as np

from sparsenmf.topics.describe import topic_distances

__all__ = ["TopicMap", "classical_mds", "majorized", "nearest", "topic_map"]

#: Up to so many logarithms (a topic's words, for each pair of topics) the distance is Jensen-Shannon's: a few seconds.
MOST_BY_JENSEN_SHANNON = 3_000_000_000


NEAR = 4


class TopicMap(NamedTuple):
    """Topics in the plane.

    Attributes
    ----------
    points : ndarray of shape (k, 2)
    distances : ndarray of shape (k, k)
        Those that the points shall show.
    metric : {"jensen-shannon", "hellinger"}
        Hellinger's distance, one matrix product, where Jensen-Shannon's would take long; the two differ little.
    stress : float
        By how much the plane's distances differ from the true ones, as a part of these (Kruskal's stress 1).
    """

    points: np.ndarray
    distances: np.ndarray
    metric: str
    stress: float


def topic_map(H: Any) -> TopicMap:
    """Points in the plane whose distances are near those of the topics' word distributions.

    Classical scaling is where stress majorization starts: most topics share few words, so that all distances are
    near 1, and classical scaling alone heaps such points up in the middle.

    Parameters
    ----------
    H : array-like of shape (k, m)

    Returns
    -------
    TopicMap

    Examples
    --------
    >>> from sparsenmf.report.layout import topic_map
    >>> found = topic_map([[1.0, 0.0], [0.0, 5.0]])
    >>> found.points.tolist(), found.metric, found.stress
    ([[0.5, 0.0], [-0.5, 0.0]], 'jensen-shannon', 0.0)
    """
    logarithms = np.count_nonzero(H) * len(H) // 2
    metric = "jensen-shannon" if logarithms <= MOST_BY_JENSEN_SHANNON else "hellinger"
    distances = topic_distances(H, metric)
    points = majorized(distances, classical_mds(distances))
    differences = _between(points) - distances
    stress = float(np.sqrt((differences**2).sum() / max((distances**2).sum(), 1e-300)))
    return TopicMap(points, distances, metric, stress)


def nearest(distances: np.ndarray, topic: int, most: int = NEAR) -> list[int]:
    """The topics that share words with one, the nearest first.

    Examples
    --------
    >>> from sparsenmf.report.layout import nearest
    >>> nearest(np.array([[0.0, 0.9, 0.4], [0.9, 0, 1], [0.4, 1, 0]]), 0)
    [2, 1]
    """
    order = np.argsort(distances[topic], kind="stable")
    return [int(other) for other in order if other != topic and distances[topic, other] < 1 - 1e-6][:most]


def classical_mds(distances: np.ndarray) -> np.ndarray:
    """Classical scaling into the plane (W. Torgerson, 1952), turned the same way each time.

    Parameters
    ----------
    distances : ndarray of shape (k, k)

    Returns
    -------
    ndarray of shape (k, 2)

    Examples
    --------
    >>> from sparsenmf.report.layout import classical_mds
    >>> points = classical_mds(np.array([[0.0, 3, 4], [3, 0, 5], [4, 5, 0]]))
    >>> round(float(np.linalg.norm(points[1] - points[2])), 6)
    5.0
    """
    k = len(distances)
    square = np.asarray(distances, dtype=np.float64) ** 2
    means = square.mean(axis=0)
    values, vectors = np.linalg.eigh((means[:, None] + means[None] - square - square.mean()) / 2)
    values = np.maximum(values[::-1], 0)
    top = min(2, k)
    points = np.zeros((k, 2))
    points[:, :top] = vectors[:, ::-1][:, :top] * np.sqrt(values[:top])
    for axis in range(2):  # an eigenvector's sign is arbitrary: the farthest point comes to the right, or the top
        points[:, axis] *= -1 if points[np.argmax(np.abs(points[:, axis])), axis] < 0 else 1
    return points + 0.0


def majorized(distances: np.ndarray, points: np.ndarray, n_iter: int = 300) -> np.ndarray:
    """Points that show the distances with less stress: Guttman's transform, repeated (J. de Leeuw, 1977).

    Examples
    --------
    >>> from sparsenmf.report.layout import majorized
    >>> majorized(np.array([[0.0, 2], [2, 0]]), np.array([[0.0, 0], [1, 0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    for _ in range(n_iter if len(points) > 1 else 0):
        apart = _between(points)
        B = -np.divide(distances, apart, out=np.zeros_like(apart), where=apart > 1e-9)
        np.fill_diagonal(B, 0)
        np.fill_diagonal(B, -B.sum(axis=1))
        points = B @ points / len(points)
    return points


def _between(points: np.ndarray) -> np.ndarray:
    return np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
