"""The sentences of the diagnostics by language, one file a part."""

from __future__ import annotations

from sft_keras.catalogues import Catalogues

catalogue = Catalogues("sft_keras.diagnostics", "diagnostics")
