"""What a person may choose from before a training, and what is advised."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from sft_keras.registry import plugin_names
from sft_keras.services.base import Installation
from sft_keras.services.lasting import data_lasts

if TYPE_CHECKING:
    from sft_keras.services.space.datasets import DatasetView

# Fewer rows a label than this are few. Of few rows with at most so many labels, training the whole model was seen to
# make more than a frozen one does; with ten, 20 and 77 it made less (docs/quality.md, "Few rows: which recipe").
_FEW_ROWS, _FEW_LABELS = 64, 6


class ChoiceServices(Installation):
    """Choices before a training; nothing here loads Keras."""

    def term_names(self) -> list[str]:
        """The supervised terms that the loss can have."""
        return sorted(plugin_names("sft_keras.losses.terms"))

    def data_lasts(self) -> bool:
        """Whether what is kept is still there after a restart."""
        return data_lasts(self.settings.data_dir)

    def advised_recipe(self, view: DatasetView) -> str:
        """The recipe to try first with a dataset, by its first texts and the rows of its labels.

        Args:
            view: What is in the dataset.

        Returns:
            chinese where the texts need it and no pretrained Chinese model is here; lstm where no pretrained model can
            be had for their script; balanced for few rows of few labels; else quick.
        """
        from sft_keras.data.scripts import mostly_unspaced
        from sft_keras.modeling.backbone_choice import CHINESE, LEARNED, choose_backbone
        from sft_keras.modeling.backbones.base import presets_here

        if view.text_column in view.header:
            column = view.header.index(view.text_column)
            texts = [row[column] for row in view.preview]
            if mostly_unspaced(texts) and not set(CHINESE) & set(presets_here()):
                return "chinese"
            if choose_backbone(texts)[0] == LEARNED:
                return "lstm"
        if 0 < len(view.class_counts) <= _FEW_LABELS and median(view.class_counts.values()) < _FEW_ROWS:
            return "balanced"
        return "quick"
