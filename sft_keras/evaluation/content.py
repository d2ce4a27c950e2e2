"""What a page needs of `report.json`, checked: the file may be old, damaged or made by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sft_keras.errors import ArtifactError, one_line
from sft_keras.evaluation.evaluator import Metric
from sft_keras.evaluation.metrics import CalibrationBin, ClassScores
from sft_keras.evaluation.report import Comparison

_MOST_ROWS = 10**12
Line = Annotated[str, Field(max_length=4000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class BaselineContent(_Part):
    """The figures of a baseline by name."""

    metrics: dict[str, Metric]


class LambdaTrial(_Part):
    """A weight λ that was trained, and its score on the validation part."""

    weight: float
    score: float | None = None
    epochs: int | None = None
    seconds: float | None = None


class LambdaSearch(_Part):
    """The weights λ that were tried; the difference is that of the best weight above 0 to λ = 0."""

    rows: tuple[LambdaTrial, ...] = ()
    best: float | None = None
    chosen: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    kept_zero: bool = False
    monitor: Line = ""
    terms: tuple[Line, ...] = ()
    message: Line = ""


class LayerTrial(_Part):
    """A range of layers that was tried, with the inverse penalty of its classifier, and its score."""

    layers: Line
    C: float | None = None
    score: float | None = None


class LayerSearch(_Part):
    """The ranges of layers that were tried."""

    rows: tuple[LayerTrial, ...] = ()
    chosen: Line = ""
    chosen_C: float | None = None

    def is_chosen(self, row: LayerTrial) -> bool:
        """Whether it is this one that the model has."""
        return row.layers == self.chosen and self.chosen_C in (None, row.C)


class EightBit(_Part):
    """What the copy in 8-bit integers is worth, on some validation rows."""

    file: Line
    rows: int = Field(ge=1, le=_MOST_ROWS)
    accuracy: float = Field(ge=0, le=1)
    accuracy_of_graph: float = Field(ge=0, le=1)
    agreement: float = Field(ge=0, le=1)


class ReportContent(_Part):
    """The content of `report.json`; what each key holds is told in docs/cli.md."""

    verdict: str
    metrics: dict[str, Metric]
    baselines: dict[str, BaselineContent] = {}
    comparison: Comparison | None = None
    labels: tuple[str, ...] = Field(min_length=2)
    per_class: tuple[ClassScores, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...] = Field(min_length=1)
    rows: dict[str, int]
    seconds: dict[str, float | None] = {}
    seed: int
    data_fingerprint: Line
    backbone: Line
    versions: dict[str, Line] = {}
    notes: tuple[Line, ...] = ()
    history: tuple[dict[str, float | None], ...] = ()
    temperature: float = Field(1.0, gt=0)
    calibration_before: dict[str, float | None] | None = None
    lambda_search: LambdaSearch | None = None
    layer_search: LayerSearch | None = None
    eight_bit: EightBit | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ReportContent:
        classes = len(self.labels)
        sizes = {len(self.per_class), len(self.confusion_matrix), *map(len, self.confusion_matrix)}
        if sizes != {classes}:
            raise ValueError(f"expected {classes} entries by label, found {sorted(sizes)}")
        if "accuracy" not in self.metrics or "test" not in self.rows:
            raise ValueError("the accuracy or the number of test rows is missing")
        counts = [
            *(count for row in self.confusion_matrix for count in row),
            *(part.count for part in self.calibration),
        ]
        shares = [share for part in self.calibration for share in (part.confidence, part.accuracy) if share is not None]
        if not all(0 <= count <= _MOST_ROWS for count in counts) or not all(0 <= share <= 1 for share in shares):
            raise ValueError("a number of rows or a share is out of range")
        return self

    @model_validator(mode="before")
    @classmethod
    def _searches_as_objects(cls, values: Any) -> Any:
        """A search that is a bare list of what was tried is taken for its rows."""
        if not isinstance(values, Mapping):
            return values
        bare = {
            key: {"rows": values[key]} for key in ("lambda_search", "layer_search") if isinstance(values.get(key), list)
        }
        return {**values, **bare}


def read_content(values: Any, *, where: str) -> ReportContent:
    """Checks what `report.json` holds.

    Args:
        values: The content as it was parsed.
        where: The file, for the message.

    Raises:
        ArtifactError: A key is missing or its value is of the wrong kind.
    """
    try:
        return ReportContent.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ArtifactError(
            f"The report cannot be shown: {one_line(f'{key}: ' * bool(key) + first['msg'])}",
            where=where,
            fix="It was changed or written by another version; train anew, or score the bundle with `evaluate`.",
        ) from None
