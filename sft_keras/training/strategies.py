"""Which training a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.modeling.starting_point import StartingPoint
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.frozen import train_head
from sft_keras.training.progress import ProgressSink
from sft_keras.training.trainer import Trained, fine_tune


def train(
    config: RunConfig,
    training: Examples,
    validation: Examples,
    *,
    checkpoints: Path,
    sink: ProgressSink,
    should_stop: Callable[[], bool] = lambda: False,
    start: StartingPoint | None = None,
    cache: FeatureCache | None = None,
) -> Trained:
    """Trains the head on vectors of a frozen backbone, or the backbone with it; see `train_head`, `fine_tune`."""
    if config.model.trainable == "head":
        return train_head(
            config,
            training,
            validation,
            checkpoints=checkpoints,
            sink=sink,
            should_stop=should_stop,
            start=start,
            cache=cache,
        )
    return fine_tune(
        config,
        training,
        validation,
        checkpoints=checkpoints,
        sink=sink,
        should_stop=should_stop,
        start=start,
        cache=cache,
    )
