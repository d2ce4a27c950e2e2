"""Groups of texts that are the same or nearly the same, so that none stands on both sides of a split.

Near-duplicates are found by MinHash with locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, chapter 3) and checked by their exact Jaccard similarity.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from datasketch import MinHash, MinHashLSH

SHINGLE = 5
PERMUTATIONS = 64
SEED = 20_210_101
# Of a crowd of look-alikes, so many candidates are checked for each text; the rest joins through them.
MOST_CANDIDATES = 50
# A bucket may hold a crowd, such as a hundred thousand messages of one template: without a bound, time is quadratic.
MOST_IN_BUCKET = 2_000


def normal_text(text: str) -> str:
    """A text without the differences that do not count: compatibility forms, case, and runs of white space.

    Example:
        >>> normal_text("Ｈello   World ")
        'hello world'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def exact_groups(texts: Sequence[str]) -> np.ndarray:
    """A group number for each text, the same for texts that are equal once normalized.

    Returns:
        int64 of shape [texts]; groups are numbered in the order of their first text.
    """
    numbers: dict[str, int] = {}
    return np.fromiter((numbers.setdefault(normal_text(t), len(numbers)) for t in texts), np.int64, count=len(texts))


def duplicate_groups(texts: Sequence[str], similarity: float) -> np.ndarray:
    """A group number for each text, the same for texts that are equal or at least this alike.

    Groups are closed: if a is like b and b like c, all three are one group.

    Args:
        texts: The texts.
        similarity: Least Jaccard similarity of the sets of character 5-grams; 1 finds equal sets only.

    Returns:
        int64 of shape [texts]; groups are numbered in the order of their first text.

    Example:
        >>> duplicate_groups(["a cat sat here today", "A cat sat here  today", "dogs"], 0.9).tolist()
        [0, 0, 1]
    """
    exact = exact_groups(texts)
    if not len(exact):
        return exact
    _, first = np.unique(exact, return_index=True)
    unique = [normal_text(texts[i]) for i in first]
    parents = _near_parents(unique, similarity)
    roots = parents[exact]
    # np.unique sorts by root, which is the smallest member, hence by first occurrence.
    _, groups = np.unique(roots, return_inverse=True)
    return np.asarray(groups, dtype=np.int64).reshape(-1)


def shingles(text: str) -> frozenset[str]:
    """The character 5-grams of a normalized text; a text of at most 5 characters is its own only one."""
    return frozenset(text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1)))


def _near_parents(unique: list[str], similarity: float) -> np.ndarray:
    """For each distinct text the smallest index of its group."""
    parents = np.arange(len(unique), dtype=np.int64)

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = int(parents[i])
        return i

    # How the signature is cut into bands depends on the threshold alone.
    bands = MinHashLSH(threshold=min(similarity, 0.9), num_perm=PERMUTATIONS, weights=(0.2, 0.8))
    signatures = _signatures(unique)
    buckets = [_Buckets(_band_keys(signatures[:, band * bands.r : (band + 1) * bands.r])) for band in range(bands.b)]
    cached_shingles = lru_cache(maxsize=2_000)(shingles)
    met = np.zeros(len(unique), bool)
    for bucket in buckets:
        met |= bucket.earlier > 0
    for i in np.flatnonzero(met).tolist():
        candidates = np.unique(np.concatenate([bucket.before(i) for bucket in buckets]))
        if len(candidates) > MOST_CANDIDATES:
            candidates = candidates[_roots(parents, candidates) != root(i)]
        if len(candidates) > MOST_CANDIDATES:
            alike = np.count_nonzero(signatures[candidates] == signatures[i], axis=1)
            candidates = candidates[np.lexsort((candidates, -alike))][:MOST_CANDIDATES]
        for candidate in candidates.tolist():
            a, b = root(candidate), root(i)
            if a != b and _jaccard(cached_shingles(unique[i]), cached_shingles(unique[candidate])) >= similarity:
                parents[max(a, b)] = min(a, b)
    return _roots(parents, np.arange(len(unique)))


def _signatures(unique: list[str]) -> np.ndarray:
    """The MinHash signatures, uint32 [texts, permutations]: datasketch's values fit into 32 bits."""
    empty = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=zlib.crc32)
    result = np.empty((len(unique), PERMUTATIONS), np.uint32)
    for i, text in enumerate(unique):
        signature = empty.copy()
        signature.update_batch([piece.encode("utf-8", "surrogatepass") for piece in shingles(text)])
        result[i] = signature.hashvalues
    return result


def _band_keys(band: np.ndarray) -> np.ndarray:
    """A number for each row of a band, uint64: equal rows have equal ones (and others all but never)."""
    keys = np.zeros(len(band), np.uint64)
    for column in band.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


class _Buckets:
    """The texts that share a band of their signatures, by sorting.

    Args:
        keys: uint64 [texts].

    Attributes:
        earlier: int32 [texts]; how many texts before it are in a text's bucket.
    """

    def __init__(self, keys: np.ndarray) -> None:
        order = np.argsort(keys, kind="stable")  # within a bucket, by number
        begins = np.ones(len(keys), bool)
        begins[1:] = keys[order[1:]] != keys[order[:-1]]
        place = np.arange(len(keys))
        start = np.maximum.accumulate(np.where(begins, place, 0))
        self._order = order.astype(np.int32)
        self._place = np.empty(len(keys), np.int32)
        self._place[order] = place
        self.earlier = np.empty(len(keys), np.int32)
        self.earlier[order] = place - start

    def before(self, i: int) -> np.ndarray:
        """The texts before it in its bucket, int32; the nearest `MOST_IN_BUCKET` of them."""
        place = self._place[i]
        return self._order[place - min(self.earlier[i], MOST_IN_BUCKET) : place]


def _roots(parents: np.ndarray, members: np.ndarray) -> np.ndarray:
    found: np.ndarray = parents[members]
    while not np.array_equal(above := parents[found], found):
        found = above
    return found


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)
