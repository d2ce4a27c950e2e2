"""What an estimate needs to know of a dataset, found out in a thread, so that no page waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from cachetools import LRUCache

from sft_keras.config import RunConfig
from sft_keras.modeling.backbone_choice import AUTO, choose_backbone
from sft_keras.modeling.backbones.base import known_presets
from sft_keras.runs.speed import Subject
from sft_keras.services.space.costs import Texts
from sft_keras.services.space.dataset_views import DatasetView

MOST = 64


@dataclass(frozen=True)
class Survey:
    """What was found of a dataset.

    Attributes:
        texts: The lengths of its texts.
        backbone: What `auto` means for it.
    """

    texts: Texts
    backbone: str


class Surveys:
    """The surveys of the last datasets; one is made at a time."""

    def __init__(self) -> None:
        self._found: LRUCache[Hashable, Future[Survey]] = LRUCache(MOST)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="survey")

    def get(self, key: Hashable, look: Callable[[], DatasetView]) -> Survey | None:
        """The survey of a dataset; None while it is made.

        Raises:
            SftError: The dataset cannot be read.
        """
        with self._lock:
            future = self._found.get(key)
            if future is None:
                future = self._found[key] = self._pool.submit(_survey, look)
            if future.done() and future.exception() is not None:
                del self._found[key]  # the next one may succeed
        return future.result() if future.done() else None


def _survey(look: Callable[[], DatasetView]) -> Survey:
    view = look()
    texts = Texts.of(view)
    name, _ = choose_backbone(texts.shown)
    return Survey(texts, name)


def subject_of(config: RunConfig, survey: Survey, base: str) -> Subject | None:
    """What has to be measured for a configuration; None if that would first have to be downloaded.

    Args:
        config: The configuration.
        survey: What is known of the dataset.
        base: The backbone of the run that it goes on from, or "".
    """
    named = base or config.model.backbone
    name = survey.backbone if named == AUTO else named
    known = known_presets().get(name)
    if known is None or not known[0].is_here(known[1]):
        return None
    return Subject(name, config.model.trainable, config.model.lora_rank or 0)


SURVEYS = Surveys()
