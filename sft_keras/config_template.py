"""The configuration as a commented YAML file, written from the fields themselves."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml
from pydantic import BaseModel

from sft_keras.config import RunConfig, TermConfig


def commented_yaml(config: RunConfig) -> str:
    """Every setting with its value, its meaning and its range; reads back to the same configuration.

    Example:
        >>> commented_yaml(RunConfig()).splitlines()[2]
        'data:'
    """
    lines = ["# Settings of a run. Leave out what you do not change.", ""]
    for name in type(config).model_fields:
        lines += [f"{name}:", *_section(getattr(config, name)), ""]
    return "\n".join(lines)


def _section(section: BaseModel) -> list[str]:
    lines: list[str] = []
    for name, field in type(section).model_fields.items():
        lines.append(f"  # {field.description}{describe_range(field)}")
        value = section.model_dump(mode="json")[name]
        dumped = yaml.safe_dump({name: value}, allow_unicode=True, sort_keys=False).rstrip()
        lines += textwrap.indent(dumped, "  ").splitlines()
        if name == "terms" and not value:
            lines += ["  # terms:", "  #   - name: supcon", *_term_comments()]
    return lines


def _term_comments() -> list[str]:
    fields = {name: field for name, field in TermConfig.model_fields.items() if name != "name"}
    return [f"  #     {name}: {field.default:g}  # {field.description}" for name, field in fields.items()]


def describe_range(field: Any) -> str:
    """The bounds of a field in words: " (0 to 1)", " (above 0, below 1)", or nothing."""
    bounds = {}
    for item in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(item, name, None) is not None:
                bounds[name] = f"{getattr(item, name):,}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    told = ", ".join(f"{words[name]} {bounds[name]}" for name in words if name in bounds)
    return f" ({told})" if told else ""
