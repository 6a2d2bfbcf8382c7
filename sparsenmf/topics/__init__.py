"""From texts to topics: counting, Poisson factors as topics, their words, documents, groups and quality.

Names are loaded when first asked for, as in `sparsenmf` itself: tables of topics need no scikit-learn.
"""

# ruff: noqa: F401, PLE0605  # public names are loaded lazily, from one table

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: The module of each public name.
_HOMES = {
    name: module
    for module, names in {
        "coherence": "exclusivity npmi topic_diversity umass",
        "counting": "Counts count_texts",
        "describe": "Topic Word find_topics representative_documents similar_topics topic_distances topic_names",
        "groups": "GroupTable merge_topics topics_by_group",
        "heldout": "HeldOut held_out",
        "model": "TopicModel",
        "poisson": "proportions topic_mass topic_sizes word_distributions",
        "pyldavis": "to_pyldavis",
        "rank": "rank_words word_scores",
    }.items()
    for name in names.split()
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from sparsenmf.topics.coherence import exclusivity, npmi, topic_diversity, umass
    from sparsenmf.topics.counting import Counts, count_texts
    from sparsenmf.topics.describe import (
        Topic,
        Word,
        find_topics,
        representative_documents,
        similar_topics,
        topic_distances,
        topic_names,
    )
    from sparsenmf.topics.groups import GroupTable, merge_topics, topics_by_group
    from sparsenmf.topics.heldout import HeldOut, held_out
    from sparsenmf.topics.model import TopicModel
    from sparsenmf.topics.poisson import proportions, topic_mass, topic_sizes, word_distributions
    from sparsenmf.topics.pyldavis import to_pyldavis
    from sparsenmf.topics.rank import rank_words, word_scores


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sparsenmf.topics' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"sparsenmf.topics.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
