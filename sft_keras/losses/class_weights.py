"""Weights of the classes in the task loss, for data where some labels are rare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sft_keras.errors import ConfigError, did_you_mean

MODES = ("none", "balanced", "effective")


def class_weights(
    mode: str | Mapping[str, float], counts: np.ndarray, names: Sequence[str], beta: float = 0.999
) -> np.ndarray:
    """The weight of each class.

    - `none`: 1 for every class.
    - `balanced`: n / (C·n_c), as `sklearn.utils.class_weight.compute_class_weight`; C counts the classes that
      occur.
    - `effective`: (1 - β) / (1 - β^n_c) (Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of
      Samples", eq. 1 and 2), divided by its mean over the training rows.
    - a mapping from label to weight: taken as it is; a label that is not named weighs 1.

    `balanced` and `effective` both have a mean of 1 over the training rows. (Cui et al. let the sum over the
    classes be C instead, which makes the whole loss smaller or larger with the imbalance, and so would shift
    what a learning rate and a λ mean.) A class without a training row weighs 1.

    Args:
        mode: Name of the rule, or weights by label.
        counts: Rows of each class in the training part, int [classes].
        names: The label of each class, in the order of the class ids.
        beta: β of `effective`, in (0, 1). 1 / (1 - β) is the number of rows beyond which more rows no longer
            lower a class's weight.

    Returns:
        float32 [classes].

    Raises:
        ConfigError: The mode is unknown, or a mapping names a label that does not exist.
    """
    counts = np.asarray(counts, dtype=np.float64)
    weights = np.ones(len(counts), dtype=np.float64)
    if isinstance(mode, str):
        if mode not in MODES:
            raise ConfigError(
                f'There is no rule "{mode}" for class weights.',
                where="objective.class_weights",
                fix=did_you_mean(mode, MODES),
            )
        occurs = counts > 0
        present = counts[occurs]
        if mode == "balanced":
            weights[occurs] = present.sum() / (len(present) * present)
        elif mode == "effective" and len(present):
            # expm1 keeps the digits that 1 - β^n loses when β is close to 1.
            raw = (1.0 - beta) / -np.expm1(present * np.log(beta))
            weights[occurs] = raw * present.sum() / (raw * present).sum()
    else:
        index = {name: i for i, name in enumerate(names)}
        for label, weight in mode.items():
            if label not in index:
                raise ConfigError(
                    f'A class weight is given for "{label}", which is no label of this data.',
                    where="objective.class_weights",
                    fix=did_you_mean(label, names),
                )
            weights[index[label]] = weight
    return weights.astype(np.float32)
