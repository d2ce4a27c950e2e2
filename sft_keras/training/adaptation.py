"""What a run settles by itself, once: the number format, and in how many parts a batch fits into memory.

Both are written beside the checkpoints, so that a resumed run goes on as it began, on whichever machine.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, TrainingError
from sft_keras.training.checkpoints import disk_full
from sft_keras.training.killed import NOTE, was_killed
from sft_keras.training.precision import choose_precision
from sft_keras.training.progress import ProgressSink

FILE = "settled.json"


def settled(config: RunConfig, folder: Path, sink: ProgressSink) -> RunConfig:
    """The configuration with what the run in this folder settled before, or settles now.

    A training that the system killed for lack of memory goes on with half as many rows at once.

    Args:
        config: As the person wrote it; what it names outright stays.
        folder: The folder of the checkpoints.
        sink: Hears what was measured and chosen.

    Raises:
        ArtifactError: The file in the folder cannot be read.
        TrainingError: It cannot be written, or memory did not do for a single row.
    """
    options, before = config.training, _read(folder / FILE)
    changes: dict[str, Any] = {
        "accumulation_steps": min(max(options.accumulation_steps, before["accumulation_steps"]), options.batch_size)
    }
    if options.mixed_precision == "auto":
        changes["mixed_precision"] = before["mixed_precision"] or choose_precision(sink)
    result = _keep(config, changes, folder)
    if not was_killed(folder):
        return result
    (folder / NOTE).unlink(missing_ok=True)  # so that one who makes room can try a single row once more
    return halved(result, folder, sink)


def halved(config: RunConfig, folder: Path, sink: ProgressSink) -> RunConfig:
    """The configuration with half as many rows at once, after memory ran out.

    Raises:
        TrainingError: It was one row already, or the choice cannot be written.
    """
    options = config.training
    rows = -(-options.batch_size // options.accumulation_steps)
    if rows == 1:
        raise TrainingError(
            "There is not enough memory to train on a single row.",
            where=f"model.backbone={config.model.backbone}, model.max_length={config.model.max_length}",
            fix="Try a smaller model.max_length, --set model.trainable=top:1, or a smaller backbone.",
        )
    parts = min(2 * options.accumulation_steps, options.batch_size)
    result = _keep(config, {"accumulation_steps": parts}, folder)
    fewer = -(-options.batch_size // parts)
    sink.event(
        "log",
        message=f"There is not enough memory for {rows} rows at once; going on from the last checkpoint with {fewer}. "
        f"An update still has {options.batch_size} rows, now in {parts} parts: the result differs by dropout's draws "
        "alone, and by supervised terms, which see one part at a time.",
    )
    return result


def _keep(config: RunConfig, changes: dict[str, Any], folder: Path) -> RunConfig:
    training = config.training.model_copy(update=changes)
    text = json.dumps({"mixed_precision": training.mixed_precision, "accumulation_steps": training.accumulation_steps})
    temporary = folder / f".{FILE}.part"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / FILE)
    except OSError as error:
        raise disk_full(error, folder) from error
    return config.model_copy(update={"training": training})


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        precision, parts = values["mixed_precision"], int(values["accumulation_steps"])
        if precision not in ("none", "bfloat16", "float16") or parts < 1:
            raise ValueError(f"received {values}")
    except FileNotFoundError:
        return {"mixed_precision": None, "accumulation_steps": 1}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(
            f"What the run settled cannot be read: {error}", where=str(path), fix="Train anew, into another folder."
        ) from None
    return {"mixed_precision": precision, "accumulation_steps": parts}
