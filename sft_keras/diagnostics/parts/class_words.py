"""The words that move each label: over many texts, how much a label's probability falls when a word is left out.

Occlusion (Zeiler and Fergus 2014; Li et al. 2016, https://arxiv.org/abs/1612.08220), averaged over texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Sentence, Words
from sft_keras.diagnostics.draws import stratified_rows

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_TEXTS, MOST_CHARACTERS, MOST_ASKED = 200, 300, 3_000
FEWEST_TEXTS = 3
"""A word must stand in so many of the texts, or its mean says nothing."""
FOR, AGAINST, MOST_CLASSES = 8, 4, 30
WEAKEST = 0.005


def examine(subject: Subject) -> Facts:
    """Leaves each word of some texts out in turn; the probabilities of all labels are looked at."""
    from sft_keras.inference.explain import word_spans

    part: Any = "test" if subject.splits.test is not None else "validation"
    texts, labels = subject.rows(part).texts, subject.truth(part)
    rng = np.random.default_rng(subject.seed)
    rows = stratified_rows(labels, min(MOST_TEXTS, len(labels)), rng)
    rng.shuffle(rows)
    weights: dict[str, list[np.ndarray]] = defaultdict(list)
    asked = read = 0
    for row in rows[:MOST_TEXTS]:
        text = texts[row][:MOST_CHARACTERS]
        spans = word_spans(text)
        if not spans or asked + len(spans) > MOST_ASKED:
            continue
        without = [text[:start] + text[end:] for start, end in spans]
        answers = subject.predictor.probabilities([text, *(each if each.strip() else " " for each in without)])
        seen: set[str] = set()
        for (start, end), answer in zip(spans, answers[1:], strict=True):
            word = text[start:end].casefold()
            if word not in seen:  # a word that stands twice in a text counts once
                seen.add(word)
                weights[word].append(answers[0] - answer)
        asked += len(spans)
        read += 1
        subject.tell(max(asked / MOST_ASKED, read / len(rows)))
    means = {word: np.mean(found, axis=0) for word, found in weights.items() if len(found) >= FEWEST_TEXTS}
    if not means:
        raise NotApplicable("too_few", texts=FEWEST_TEXTS)
    words, values = list(means), np.array(list(means.values()))
    counts = np.bincount(labels, minlength=len(subject.labels))
    classes = []
    for number in np.argsort(-counts, kind="stable")[:MOST_CLASSES]:
        order = np.argsort(-values[:, number], kind="stable")
        best = [(words[i], float(values[i, number])) for i in order[:FOR] if values[i, number] >= WEAKEST]
        worst = [(words[i], float(values[i, number])) for i in order[::-1][:AGAINST] if values[i, number] <= -WEAKEST]
        if best or worst:
            label = subject.labels.names[number]
            classes.append({"label": label, "words": [*best, *worst]})
    return {"texts": read, "classes": classes, "all_classes": len(subject.labels)}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The words of each label, the heaviest first."""
    if not facts["classes"]:
        return [Sentence(words("class_words.none"))]
    heaviest = max(abs(weight) for each in facts["classes"] for _, weight in each["words"])
    blocks: list[Block] = [Sentence(words("class_words.check"))]
    for each in facts["classes"]:
        shown = [(word, weight / heaviest) for word, weight in each["words"]]
        blocks.append(Words(each["label"], shown, private=True))
    blocks.append(Sentence(words("class_words.how", texts=facts["texts"], fewest=FEWEST_TEXTS), "how"))
    return blocks


PARTS.add("class_words", Part(65, examine, present, needs_test=False))
