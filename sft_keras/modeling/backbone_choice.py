"""Which backbone `auto` means: it follows the language of the texts, and what this machine can load."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from urllib.request import getproxies

from cachetools import TTLCache, cached

from sft_keras.data.scripts import mostly_latin, mostly_unspaced
from sft_keras.modeling.backbones.base import known_presets

AUTO = "auto"
# In the order of preference; what is here already goes before what would have to be downloaded.
LATIN, CHINESE, OTHER = ("minilm",), ("bge_small_v1.5_zh", "bert_base_zh"), ("bert_base_multi",)
LEARNED = "lstm"
HUB, PORT, PATIENCE_SECONDS = "www.kaggle.com", 443, 3.0
ASKED_AGAIN_SECONDS = 60


def choose_backbone(texts: Sequence[str]) -> tuple[str, str]:
    """A backbone for texts, by their script.

    Args:
        texts: The usable texts.

    Returns:
        The preset's name and the reason in plain words.
    """
    wanted: tuple[str, ...]
    if mostly_latin(texts):
        wanted, language = LATIN, "in Latin letters"
    elif mostly_unspaced(texts):
        wanted, language = CHINESE, "in Chinese or another script without spaces"
    else:
        wanted, language = OTHER, "in another script than the Latin one"
    presets = known_presets()
    here = [name for name in wanted if presets[name][0].is_here(presets[name][1])]
    if here:
        return here[0], f'Backbone: "{here[0]}", because the texts are {language}.'
    if hub_answers():
        return wanted[0], f'Backbone: "{wanted[0]}" (will be downloaded), because the texts are {language}.'
    return LEARNED, (
        f'Backbone: "{LEARNED}", learned from your texts: they are {language}, and "{wanted[0]}" is neither on this '
        "machine nor can it be downloaded now."
    )


@cached(TTLCache(1, ASKED_AGAIN_SECONDS), lock=threading.Lock())
def hub_answers() -> bool:
    """Whether the hub that presets come from can be reached; behind a proxy it is taken to be.

    What was found out holds for a minute: where nothing answers, a page would wait for every look at the data.
    """
    if getproxies().get("https"):
        return True
    try:
        with socket.create_connection((HUB, PORT), timeout=PATIENCE_SECONDS):
            return True
    except OSError:
        return False
