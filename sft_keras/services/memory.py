"""What was found out a moment ago, so that the same question is not worked out twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast, overload

from cachetools import LRUCache

T = TypeVar("T")
Owner = TypeVar("Owner")
MOST = 64


class Memory:
    """The last answers by question. Two who ask the same at once wait for one answer."""

    def __init__(self) -> None:
        self._answers: LRUCache[Hashable, Any] = LRUCache(MOST)
        self._asked: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer to a question; made if it is not known. What `make` raises is not remembered."""
        with self._lock:
            if key in self._answers:
                return cast(T, self._answers[key])
            asked = self._asked.setdefault(key, threading.Lock())
        with asked:
            with self._lock:
                if key in self._answers:
                    return cast(T, self._answers[key])
            try:
                found = make()
                with self._lock:
                    self._answers[key] = found
            finally:
                with self._lock:
                    self._asked.pop(key, None)
        return found


class shared(Generic[Owner, T]):
    """An attribute that is made when it is first asked for, and only once even if several threads ask together."""

    def __init__(self, make: Callable[[Owner], T]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> shared[Owner, T]: ...
    @overload
    def __get__(self, instance: Owner, owner: type) -> T: ...
    def __get__(self, instance: Owner | None, owner: type) -> shared[Owner, T] | T:
        if instance is None:
            return self
        values = vars(instance)
        if self._name not in values:
            with self._lock:
                if self._name not in values:
                    values[self._name] = self._make(instance)
        return cast(T, values[self._name])
