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
    parents = list(range(len(unique)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    index = MinHashLSH(threshold=min(similarity, 0.9), num_perm=PERMUTATIONS, weights=(0.2, 0.8))
    cached_shingles = lru_cache(maxsize=50_000)(shingles)
    signatures: dict[int, MinHash] = {}
    minhash = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=zlib.crc32)
    for i, text in enumerate(unique):
        signature = minhash.copy()
        signature.update_batch([piece.encode("utf-8", "surrogatepass") for piece in shingles(text)])
        candidates = sorted({c for c in index.query(signature) if root(c) != root(i)})
        if len(candidates) > MOST_CANDIDATES:
            alike = {c: np.count_nonzero(signatures[c].hashvalues == signature.hashvalues) for c in candidates}
            candidates = sorted(candidates, key=lambda c: (-alike[c], c))[:MOST_CANDIDATES]
        for candidate in candidates:
            a, b = root(candidate), root(i)
            if a != b and _jaccard(cached_shingles(text), cached_shingles(unique[candidate])) >= similarity:
                parents[max(a, b)] = min(a, b)
        index.insert(i, signature, check_duplication=False)
        signatures[i] = signature
    return np.array([root(i) for i in range(len(unique))], dtype=np.int64)


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)
