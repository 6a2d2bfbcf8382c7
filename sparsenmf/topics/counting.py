"""Texts to counts, as scikit-learn's CountVectorizer counts them, by several processes and in bounded memory.

Two passes over the texts. The first counts in how many documents each word stands, from which the vocabulary follows,
and the exact number of entries of the result; the second counts the words of the vocabulary into arrays of that size.
Texts go to the processes in chunks of a few megabytes, and only a few chunks are under way at a time.

Processes are joblib's (loky), which start fresh and do not run the caller's script again, so a script needs no
`if __name__ == "__main__"`.
"""

import functools
import itertools
import os
import pickle
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from sparsenmf import _validation as check

__all__ = ["Counts", "count_texts", "is_plain"]

_CHUNK = 1 << 22  # characters: as many tokens' worth of Python strings is some 40 MB in a process
_MOST_DOCUMENTS = 1 << 16
_PATTERN = CountVectorizer().token_pattern
_MARK = "\0"
_SEARCH = re.compile(rf"\w\w+|{_MARK}")  # greedy, so that it needs no \b
_SPACES = str.maketrans({chr(i): " " for i in range(1, 128) if not (chr(i).isalnum() or chr(i) == "_")})
_IDLE = 5  # seconds after which a process ends that has nothing to do: a fit may need its memory
_FEW_CHUNKS = 4  # so few are counted sooner than processes start


class Counts(NamedTuple):
    """What `count_texts` returns: the counts, and the fitted vectorizer that counts other texts the same way."""

    X: sparse.csr_array
    vocabulary: tuple[str, ...]
    vectorizer: Any


class _Frequencies(NamedTuple):
    """What the first pass learns: documents, and for each word the documents that hold it and its tokens."""

    n_documents: int
    documents: Counter[str]
    tokens: Counter[str]


class _Chunk(NamedTuple):
    """Counts of a chunk of documents: the entries of each row, their columns and values."""

    lengths: np.ndarray
    columns: np.ndarray
    values: np.ndarray


def count_texts(
    texts: Iterable[str], vectorizer: Any = None, *, n_jobs: int | None = None, dtype: Any = np.int32
) -> Counts:
    """Count the words of texts, each document a row, with a vocabulary learnt from them.

    Parameters
    ----------
    texts : iterable of str
        Read twice, a chunk at a time, and never held: a list, what `sparsenmf.read_texts` returns, or anything that can
        be iterated again. An iterator that can be read only once is copied into a list.
    vectorizer : CountVectorizer, optional
        Its settings are followed, and the result is what its own `fit_transform` gives (or `transform`, for a
        vectorizer with a vocabulary). It stays as it is. None: `CountVectorizer()`.
    n_jobs : int, optional
        Processes to count with. None: all cores for more than some 16 MB of text, else this process. A vectorizer with
        functions of its own (`tokenizer`, `preprocessor`, `analyzer`) counts in this process.
    dtype : numpy dtype, default=int32

    Returns
    -------
    Counts
        `X` (CSR, columns sorted by word), `vocabulary`, and the fitted `vectorizer`.

    Raises
    ------
    ValueError
        For no document at all, a vocabulary that is empty (and why), or texts that changed between the passes.
    TypeError
        For a document that is no text (naming it), or a vectorizer of another kind.

    Examples
    --------
    >>> from sparsenmf.topics import count_texts
    >>> counts = count_texts(["the ark and the dove", "the flood"])
    >>> counts.vocabulary, counts.X.toarray().tolist()
    (('and', 'ark', 'dove', 'flood', 'the'), [[1, 1, 1, 0, 2], [0, 0, 0, 1, 1]])
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts must be a list or another iterable of texts, and this is a single text: put it in [ ].")
    if iter(texts) is texts:
        texts = list(texts)
    vectorizer = clone(CountVectorizer() if vectorizer is None else vectorizer)
    if not is_plain(vectorizer):
        raise TypeError(f"vectorizer must be a CountVectorizer that reads texts, got {vectorizer!r}.")
    counter = _Counter(vectorizer, _jobs(vectorizer, n_jobs))
    if vectorizer.vocabulary is None:
        found = counter.frequencies(texts)
        kept = _kept(found, vectorizer)
        vectorizer.vocabulary_ = {word: column for column, word in enumerate(kept)}
        vectorizer.fixed_vocabulary_ = False
        shape: tuple[int, int] | None = (found.n_documents, sum(found.documents[word] for word in kept))
    else:
        vectorizer.fit([""])  # learns nothing but its own vocabulary
        shape = None
    vocabulary = vectorizer.vocabulary_
    words = tuple(map(str, vectorizer.get_feature_names_out()))
    X = counter.matrix(texts, vocabulary, len(words), shape, np.dtype(dtype))
    return Counts(X, words, vectorizer)


def is_plain(vectorizer: Any) -> bool:
    """Whether `count_texts` counts as this vectorizer does: not for classes derived from scikit-learn's."""
    return type(vectorizer) is CountVectorizer and vectorizer.input == "content"


# --- chunks and processes ---------------------------------------------------------------------------------------------


class _Counter:
    """Runs work on chunks of texts, in this process or in others, in the texts' order."""

    def __init__(self, vectorizer: CountVectorizer, n_jobs: int | None) -> None:
        self.vectorizer, self.n_jobs = vectorizer, n_jobs

    def frequencies(self, texts: Iterable[str]) -> _Frequencies:
        total = _Frequencies(0, Counter(), Counter())
        wants_tokens = self.vectorizer.max_features is not None
        for part in self._each(_count_words, texts, wants_tokens):
            total.documents.update(part.documents)
            total.tokens.update(part.tokens)
            total = total._replace(n_documents=total.n_documents + part.n_documents)
        if total.n_documents == 0:
            raise ValueError("there is no document: the texts are empty.")
        return total

    def matrix(
        self,
        texts: Iterable[str],
        vocabulary: dict[str, int],
        n_words: int,
        shape: tuple[int, int] | None,
        dtype: np.dtype,
    ) -> sparse.csr_array:
        """Count the words of a vocabulary; `shape` is (documents, entries), as far as the first pass told them."""
        parts = self._each(_count_columns, texts, _only_counted(self.vectorizer, vocabulary))
        lengths: list[np.ndarray] = []
        if shape is None:
            found = list(parts)
            lengths = [part.lengths for part in found]
            columns = np.concatenate([part.columns for part in found] or [np.zeros(0, np.int32)])
            values = np.concatenate([part.values for part in found] or [np.zeros(0, np.int32)]).astype(dtype)
        else:
            columns, values = np.empty(shape[1], np.int32), np.empty(shape[1], dtype)
            end = 0
            for part in parts:
                start, end = end, end + len(part.columns)
                if end > shape[1]:
                    raise ValueError(_CHANGED)
                columns[start:end], values[start:end] = part.columns, part.values
                lengths.append(part.lengths)
            if end != shape[1] or sum(map(len, lengths)) != shape[0]:
                raise ValueError(_CHANGED)
        if not lengths:
            raise ValueError("there is no document: the texts are empty.")
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        narrow = indptr[-1] <= np.iinfo(np.int32).max
        return sparse.csr_array(
            (values, columns, indptr.astype(np.int32 if narrow else np.int64)), shape=(len(indptr) - 1, n_words)
        )

    def _each(self, work: Callable[..., Any], texts: Iterable[str], argument: Any) -> Iterator[Any]:
        """`work(vectorizer, argument, chunk)` for each chunk; processes only if there are more than a few chunks."""
        chunks = _chunks(texts)
        n_jobs, few = self.n_jobs, []
        if n_jobs is None:
            few = list(itertools.islice(chunks, _FEW_CHUNKS + 1))
            n_jobs = _cores() if len(few) > _FEW_CHUNKS else 1
        chunks = itertools.chain(few, chunks)
        del few
        if n_jobs == 1:
            for chunk in chunks:
                yield work(self.vectorizer, argument, chunk)
            return
        from joblib import Parallel, delayed

        told = pickle.dumps((self.vectorizer, argument))
        one_by_one = {"batch_size": 1, "pre_dispatch": "n_jobs + 2", "return_as": "generator"}
        run = Parallel(n_jobs, backend="loky", max_nbytes=None, idle_worker_timeout=_IDLE, **one_by_one)
        yield from run(delayed(_remote)(work.__name__, told, chunk) for chunk in chunks)


_CHANGED = "the texts changed between the two passes over them: count them again when nothing writes to them."


def _chunks(texts: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    size = 0
    for number, text in enumerate(texts):
        if not isinstance(text, (str, bytes)):
            mend = "join the tokens with ' '.join" if isinstance(text, (list, tuple)) else "leave it out or use ''"
            raise TypeError(f"document {number:,} is {text!r:.60} ({type(text).__name__}), not a text: {mend}.")
        chunk.append(text)  # bytes are decoded by the vectorizer
        size += len(text)
        if size >= _CHUNK or len(chunk) >= _MOST_DOCUMENTS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _jobs(vectorizer: CountVectorizer, n_jobs: int | None) -> int | None:
    if n_jobs is not None:
        n_jobs = check.check_count(n_jobs, "n_jobs")
    if any(map(callable, (vectorizer.analyzer, vectorizer.tokenizer, vectorizer.preprocessor))):
        return 1  # functions of a script or notebook do not travel to other processes
    return n_jobs


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _remote(name: str, told: bytes, chunk: list[str]) -> Any:
    """A chunk's work in another process, which unpacks the vectorizer and the vocabulary once."""
    work: Callable[..., Any] = _count_words if name == "_count_words" else _count_columns
    return work(*_unpacked(told), chunk)


@functools.lru_cache(maxsize=1)
def _unpacked(told: bytes) -> tuple[CountVectorizer, Any]:
    return pickle.loads(told)  # noqa: S301  # made by this module, and sent to processes of its own


# --- work on one chunk ------------------------------------------------------------------------------------------------


def _analyzer(vectorizer: CountVectorizer) -> Callable[[Any], list[str]]:
    with warnings.catch_warnings():  # stop words that no token matches, as "don't", do no harm
        warnings.filterwarnings("ignore", message="Your stop_words may be inconsistent")
        warnings.filterwarnings("ignore", message="The parameter 'token_pattern' will not be used")
        return vectorizer.build_analyzer()


def _is_simple(vectorizer: CountVectorizer) -> bool:
    """Whether words are just what the default pattern finds, as with nearly every CountVectorizer."""
    return (
        vectorizer.analyzer == "word"
        and tuple(vectorizer.ngram_range) == (1, 1)
        and vectorizer.token_pattern == _PATTERN
        and vectorizer.tokenizer is vectorizer.preprocessor is vectorizer.strip_accents is None
    )


def _tokens(vectorizer: CountVectorizer, chunk: list[Any]) -> tuple[list[Any], Any]:
    """The tokens of all texts in one list, and the mark that stands in it behind each text's.

    Simple texts are searched many at once, and those of ASCII split instead of searched: several times as quick. The
    mark then is a character of no word, and what is beyond it changes neither the words nor their small letters (a
    final sigma, say). Stop words and single letters are still among the tokens.
    """
    if not _is_simple(vectorizer):
        analyze = _analyzer(vectorizer)
        return [token for text in chunk for token in (*analyze(text), None)], None
    tokens: list[Any] = []
    texts = (vectorizer.decode(text).replace(_MARK, " ") for text in chunk)
    for is_ascii, some in itertools.groupby(texts, str.isascii):
        joined = f" {_MARK} ".join([*some, ""])
        if vectorizer.lowercase:
            joined = joined.lower()
        tokens += joined.translate(_SPACES).split() if is_ascii else _SEARCH.findall(joined)
    return tokens, _MARK


def _only_counted(vectorizer: CountVectorizer, words: dict[str, int]) -> dict[str, int]:
    """Words without those that `_tokens` finds and the vectorizer does not count."""
    if not _is_simple(vectorizer):
        return words
    stop_words = frozenset(vectorizer.get_stop_words() or ())
    return {word: number for word, number in words.items() if len(word) > 1 and word not in stop_words}


def _count_words(vectorizer: CountVectorizer, wants_tokens: bool, chunk: list[Any]) -> _Frequencies:
    tokens, mark = _tokens(vectorizer, chunk)
    numbers: defaultdict[Any, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new word takes the next number, the mark 0
    found = np.fromiter(map(numbers.__getitem__, itertools.chain([mark], tokens)), np.int64, len(tokens) + 1)[1:]
    rows, found = _rows(found, 0)
    n_words = len(numbers)
    in_all = np.bincount(found, minlength=n_words)
    # np.unique takes another way, a slower one here, where no counts are asked for.
    in_documents = np.bincount(np.unique(rows * n_words + found, return_counts=True)[0] % n_words, minlength=n_words)

    def counted(frequencies: np.ndarray) -> Counter[str]:
        words = dict(zip(numbers, frequencies.tolist(), strict=True))
        del words[mark]
        return Counter(_only_counted(vectorizer, words))

    tokens_of = in_documents if vectorizer.binary else in_all
    return _Frequencies(len(chunk), counted(in_documents), counted(tokens_of) if wants_tokens else Counter())


def _count_columns(vectorizer: CountVectorizer, vocabulary: dict[str, int], chunk: list[Any]) -> _Chunk:
    tokens, mark = _tokens(vectorizer, chunk)
    columns: dict[Any, int] = vocabulary | {mark: -2}
    found = np.fromiter(map(columns.get, tokens, itertools.repeat(-1)), np.int64, len(tokens))
    rows, found = _rows(found, -2)
    rows, found = rows[found >= 0], found[found >= 0]
    # A row's columns in one number each, sorted: equal neighbours are one entry.
    width = max(vocabulary.values(), default=0) + 1
    keys, values = np.unique(rows * width + found, return_counts=True)
    if vectorizer.binary:
        values = np.ones_like(values)
    lengths = np.bincount(keys // width, minlength=len(chunk))
    return _Chunk(lengths, (keys % width).astype(np.int32), values.astype(np.int32))


def _rows(found: np.ndarray, mark: int) -> tuple[np.ndarray, np.ndarray]:
    """The row of each token, and the tokens without the marks."""
    is_mark = found == mark
    return np.cumsum(is_mark)[~is_mark], found[~is_mark]


# --- the vocabulary ---------------------------------------------------------------------------------------------------


def _documents(n: int) -> str:
    return f"{n:,} document{'s' * (n != 1)}"


def _kept(found: _Frequencies, vectorizer: CountVectorizer) -> list[str]:
    """The words of the vocabulary, sorted: those that min_df, max_df and max_features leave."""
    n = found.n_documents
    if not found.documents:
        raise ValueError(
            f"no word is in the {_documents(n)}: they are empty, or hold stop words and single letters alone."
        )
    # A whole number is one of documents, a float a share of them.
    least, most = (bound * n if isinstance(bound, float) else bound for bound in (vectorizer.min_df, vectorizer.max_df))
    words = sorted(word for word, count in found.documents.items() if least <= count <= most)
    if not words:
        mend = "Lower min_df or raise max_df." if least <= most else "Lower min_df, and give max_df=1.0 for so few."
        raise ValueError(
            f"no word is left of {len(found.documents):,} in {_documents(n)}: min_df={vectorizer.min_df!r} and "
            f"max_df={vectorizer.max_df!r} ask for words in at least {least:g} and at most {most:g}. {mend}"
        )
    if vectorizer.max_features is None or len(words) <= vectorizer.max_features:
        return words
    # The same call on the same numbers as in scikit-learn, so that ties fall the same way.
    order = (-np.array([found.tokens[word] for word in words])).argsort()[: vectorizer.max_features]
    return sorted(words[place] for place in order)
