"""The lines of a run's log in another language: the log itself is English, whoever reads it later."""

from __future__ import annotations

from sft_keras.catalogues import Catalogues
from sft_keras.data.catalogue import catalogue as data_catalogue
from sft_keras.evaluation.catalogue import catalogue as report_catalogue

catalogue = Catalogues("sft_keras.runs", "log")
# A log tells of the run itself, of how a file was read, and of how its rows were divided.
CATALOGUES = (catalogue, data_catalogue, report_catalogue)


def log_line(line: str, language: str) -> str:
    """A line of a log in a language; what no catalogue knows, such as the trace of an error, stays as it is.

    Args:
        line: The line, with the time before the first space.
        language: "en" or "zh".

    Raises:
        ConfigError: There is no such language.
    """
    time, space, message = line.partition(" ")
    translated = (each.translate(message, each(language)) for each in CATALOGUES)
    return time + space + next((found for found in translated if found is not None), message)
