"""How large a table may be, told while it is read: a small file can unpack to more rows than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sft_keras.errors import DataError
from sft_keras.settings import Settings

# Names of columns, and titles above them, are rows of the file and none of the table.
ABOVE = 1_000
# Each takes more memory than its characters, whether it is a row or part of one.
MAX_LINES = 20_000_000
MAX_VALUES = 40_000_000

Item = TypeVar("Item")


@dataclass(frozen=True)
class Limits:
    """The limits of one reading.

    Attributes:
        where: The file, for messages.
        rows: Most rows.
        columns: Most columns.
        size: Most bytes, unpacked.
    """

    where: str
    rows: int
    columns: int
    size: int

    @classmethod
    def of(cls, settings: Settings, where: str) -> Limits:
        """Those of the settings."""
        return cls(where, settings.max_rows, settings.max_columns, settings.max_file_bytes)

    def at_most(self, rows: Iterable[Item]) -> Iterator[Item]:
        """Passes the rows on.

        Raises:
            DataError: There are more than the limit, with room for what stands above a table.
        """
        for number, row in enumerate(rows):
            if number > self.rows + ABOVE:
                raise self.too_many_rows()
            yield row

    def require_few(self, text: str) -> None:
        """Refuses text of more lines or values than are held at once, before it is divided into them.

        Raises:
            DataError: There are more. What could divide values counts, also where it stands within a text.
        """
        lines = text.count("\n") + text.count("\r")
        values = sum(map(text.count, ",;|\t{["))
        for found, most, things in ((lines, MAX_LINES, "lines"), (values, MAX_VALUES, "values")):
            if found > most:
                raise DataError(
                    f"The file has more than {most:,} {things}.",
                    where=self.where,
                    fix="Divide it into smaller files, or save it as Parquet.",
                )

    def require_width(self, width: int) -> None:
        """Refuses a table so wide that it must be something else, before its rows are made equally long.

        Raises:
            DataError: There are more columns than the limit.
        """
        if width > self.columns:
            raise DataError(
                f"The file has more columns than the limit of {self.columns:,}. Received: {width:,}",
                where=self.where,
                fix="Keep the columns with the texts and the labels, "
                "or raise the limit with the environment variable SFT_MAX_COLUMNS.",
            )

    def too_many_rows(self, part: str = "") -> DataError:
        """The error for a file over the row limit; `part` names a part of it."""
        return DataError(
            f"The file has more rows than the limit of {self.rows:,}.",
            where=self.where + part,
            fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_ROWS.",
        )
