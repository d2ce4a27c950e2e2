"""A scikit-learn classifier over texts: `SFTClassifier` for pipelines, cross-validation and searches."""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, DataError, InputValueError
from sft_keras.services import Services

if TYPE_CHECKING:
    from sft_keras.inference.predictor import Predictor

EXTRA = "estimator.json"
# Arguments of the constructor that are settings by another name.
SETTINGS = {
    "backbone": ("model", "backbone"),
    "max_length": ("model", "max_length"),
    "epochs": ("training", "epochs"),
    "batch_size": ("training", "batch_size"),
    "learning_rate": ("optimizer", "learning_rate"),
    "validation_fraction": ("data", "validation_fraction"),
}


class SFTClassifier(ClassifierMixin, BaseEstimator):
    """Fine-tunes a text classifier, with scikit-learn's conventions.

    All rows given to `fit` are used for the training; a part of them, with near-duplicates kept together, chooses the
    best epoch. There is no test part: scoring is the caller's, as with other estimators.

    Args:
        backbone: A name from `sft-keras backbones`, a folder, or a bundle to train further. What is None, here and
            below, has its value from `settings`, and else its default (see docs/configuration.md).
        sup_term: A supervised term that is added to the loss: `supcon`, `center`, `prototype`, `class_balanced`.
        sup_weight: Its weight λ, or `auto`: the best of several, and 0 if none is better beyond the noise.
        epochs: Passes over the training part.
        batch_size: Rows a step.
        learning_rate: Peak learning rate.
        max_length: Tokens a text; what is longer is cut.
        validation_fraction: Share of the rows that chooses the best epoch.
        random_state: An int makes the fit repeatable, and so does None, which takes `training.seed`; a `RandomState`
            draws anew at each fit.
        settings: Any other settings, as a nested mapping: `{"objective": {"class_weights": "balanced"}}`.

    Attributes:
        classes_: The labels, sorted, in the type that they were given in.
        config_: The resolved configuration.
        history_: The figures of each epoch; empty after `load`.
        report_: The report, if `settings` ask for a test part; else None.

    Example:
        >>> model = SFTClassifier("lstm", epochs=5, random_state=0)  # doctest: +SKIP
        >>> model.fit(texts, labels).predict(["A wonderful film."])  # doctest: +SKIP
        array(['positive'], dtype='<U8')
    """

    def __init__(
        self,
        backbone: str | None = None,
        *,
        sup_term: str | None = None,
        sup_weight: float | Literal["auto"] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        max_length: int | None = None,
        validation_fraction: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.backbone = backbone
        self.sup_term = sup_term
        self.sup_weight = sup_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_length = max_length
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.settings = settings

    def fit(self, texts: Any, labels: Any, sample_weight: Any = None) -> SFTClassifier:
        """Fine-tunes on labelled texts.

        Args:
            texts: A list, one-dimensional array or Series of `str`, [rows]. Empty ones are left out.
            labels: Strings, whole numbers or booleans, [rows].
            sample_weight: Weights of the rows from 0 up, [rows]; all the same if None.

        Raises:
            ValueError: Texts, labels, weights or a setting cannot be used.
            TypeError: An argument has a type that cannot be used.
            SftError: The training failed.
        """
        from sft_keras.artifacts.further import bundle_named
        from sft_keras.data.label_values import names_of, targets_of, with_names
        from sft_keras.data.memory import examples_from_lists, texts_of

        services = Services()
        with _as_value_error(), _global_draws_kept():
            words = texts_of(texts)
            targets = targets_of(labels)
            classes, numbers = np.unique(targets, return_inverse=True)
            names = names_of(classes)
            named = [names[number] for number in numbers]
            examples, _ = examples_from_lists(words, named, sample_weight, services.settings)
            _require_all(names, examples.labels)
            config = self._config()
            begun = bundle_named(config.model.backbone)
            classes = with_names(classes, begun.labels.names if begun else ())
            folder = tempfile.TemporaryDirectory(prefix="sft-keras-")
            bundle = Path(folder.name) / "bundle"
            result = services.fit(examples, config, bundle)
            predictor = services.load(bundle)
        self._folder = folder  # removed with the estimator
        self._keep(bundle, classes, predictor)
        self.history_ = list(result.history)
        self.report_ = result.report
        return self

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Probabilities of the labels: float64, [texts, classes], in the order of `classes_`."""
        from sft_keras.data.memory import texts_of

        check_is_fitted(self)
        probabilities: np.ndarray = self._predictor.probabilities(texts_of(texts))[:, self._order]
        return probabilities

    def predict(self, texts: Any) -> np.ndarray:
        """The most likely label of each text: [texts], of the type of `classes_`."""
        probabilities = self.predict_proba(texts)
        chosen: np.ndarray = self.classes_[probabilities.argmax(axis=1)]
        return chosen

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the fitted model as a bundle, which `load`, `sft_keras.load` and the command line read.

        Args:
            path: The folder; nothing may be there.

        Returns:
            The folder.

        Raises:
            ArtifactError: Something is there already, or the place is not writable.
        """
        from sft_keras.artifacts.copies import copy_bundle

        check_is_fitted(self)
        params = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        if isinstance(self.random_state, np.random.RandomState):
            params["random_state"] = self.config_.training.seed  # what it had drawn
        extra = {"params": params, "classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}
        return copy_bundle(self._bundle, Path(path), {EXTRA: json.dumps(extra, ensure_ascii=False, default=_plain)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SFTClassifier:
        """A fitted classifier from what `save` wrote, or from any bundle; never unpickles.

        Args:
            path: The bundle, or the folder of its run. It must stay as long as the classifier is to be saved again.

        Raises:
            ArtifactError: It is missing, damaged, or from a newer version.
        """
        from sft_keras.artifacts.bundle import read_bundle

        bundle = read_bundle(Path(path))
        known = bundle.folder / EXTRA
        if EXTRA in bundle.files:
            model, classes = cls._from_extra(known, bundle.labels.names)
        else:
            model = cls(settings=bundle.config.model_dump(mode="json"))
            classes = np.array(bundle.labels.names)
        model._keep(bundle.folder, classes, Services().load(bundle.folder))
        model.history_, model.report_ = [], bundle.report
        return model

    def __sklearn_tags__(self) -> Any:
        """Texts are taken, not numbers; the same random state gives the same model."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "_predictor")

    def __getstate__(self) -> dict[str, Any]:
        """The parameters, for processes that fit copies of it; a fitted one is refused."""
        if hasattr(self, "_predictor"):
            raise ArtifactError(
                "A fitted SFTClassifier is not pickled: reading a pickle can run any code.",
                where="pickle, joblib or copy.deepcopy",
                fix="Keep it with model.save(path) and read it with SFTClassifier.load(path). "
                "An unfitted one, from sklearn.base.clone, can be pickled.",
            )
        state: dict[str, Any] = super().__getstate__()
        return state

    @classmethod
    def _from_extra(cls, path: Path, names: tuple[str, ...]) -> tuple[SFTClassifier, np.ndarray]:
        from sft_keras.data.label_values import names_of

        try:
            extra = json.loads(path.read_text(encoding="utf-8"))
            classes = np.array(extra["classes"], dtype=np.dtype(extra["dtype"]))
            if classes.ndim != 1 or sorted(names_of(classes)) != sorted(names):
                raise ValueError("classes")
            return cls(**extra["params"]), classes
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            raise ArtifactError(
                f"The bundle is damaged: {EXTRA} does not fit its labels.",
                where=str(path),
                fix="Copy the bundle again from where it was made, or fit anew.",
            ) from None

    def _config(self) -> RunConfig:
        """The settings with the constructor's arguments laid over them.

        Raises:
            ConfigError: A setting is unknown or not allowed.
        """
        if self.settings is not None and not isinstance(self.settings, Mapping):
            raise ConfigError(
                f"A nested mapping is expected. Received: {type(self.settings).__name__}",
                where="settings",
                fix='For example: {"objective": {"class_weights": "balanced"}}',
            )
        values: dict[str, Any] = {name: section for name, section in (self.settings or {}).items() if section}
        chosen: dict[tuple[str, str], Any] = {place: getattr(self, name) for name, place in SETTINGS.items()}
        chosen["training", "seed"] = self.random_state
        if isinstance(self.random_state, np.random.RandomState):
            chosen["training", "seed"] = self.random_state.randint(2**31 - 1)
        if self.sup_term is not None:
            weight = {} if self.sup_weight is None else {"weight": _plain(self.sup_weight)}
            chosen["objective", "terms"] = [{"name": self.sup_term, **weight}]
        elif self.sup_weight is not None:
            raise ConfigError(
                f"A weight without its term. Received: sup_weight={self.sup_weight}, sup_term=None",
                where="sup_weight",
                fix='Name the term, for example sup_term="supcon".',
            )
        if isinstance(values.get("data", {}), Mapping):
            values["data"] = {"test_fraction": 0, **values.get("data", {})}
        for (section, key), value in chosen.items():
            before = values.get(section, {})
            if value is not None and isinstance(before, Mapping):  # what is no section is told by `parse`
                values[section] = {**before, key: _plain(value)}
        return RunConfig.parse(values, source="SFTClassifier")

    def _keep(self, bundle: Path, classes: np.ndarray, predictor: Predictor) -> None:
        from sft_keras.artifacts.bundle import CONFIG
        from sft_keras.data.label_values import names_of

        self.classes_ = classes
        self.config_ = RunConfig.from_yaml(bundle / CONFIG)
        self._bundle = bundle
        self._predictor = predictor
        places = {name: i for i, name in enumerate(predictor.labels.names)}
        self._order = np.array([places[name] for name in names_of(classes)])


def _require_all(names: list[str], found: list[str]) -> None:
    lost = sorted(set(names) - set(found))
    if lost:
        raise InputValueError(
            f"{len(lost)} label(s) have no row with a text. Received: {', '.join(lost[:10])}",
            where="texts, labels",
            fix="Add texts for them, or leave their rows out.",
        )


def _plain(value: Any) -> Any:
    """NumPy's numbers and texts, as a search draws them from its grid, and paths, as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


@contextlib.contextmanager
def _as_value_error() -> Iterator[None]:
    """Tells unusable data and settings as `ValueError`, which scikit-learn and its users expect."""
    try:
        yield
    except (DataError, ConfigError) as error:
        raise InputValueError(error.problem, where=error.where, fix=error.fix) from error


@contextlib.contextmanager
def _global_draws_kept() -> Iterator[None]:
    """Puts the global random states back: a training sets them, and the caller draws from them too."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
