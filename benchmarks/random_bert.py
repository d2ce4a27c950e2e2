"""A BERT with random weights and made-up words: `python random_bert.py FOLDER`, by the peer's interpreter.

For speed on a GPU, where no weights of that size may be at hand; what it learns means nothing. Shape of BERT-base
(Devlin et al. 2019): 12 layers, 768 wide, 12 heads, 30,522 tokens; `--layers`, `--width` and `--heads` make it smaller.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENS = 30_522


def main() -> None:
    """Writes the folder: `config.json`, `model.safetensors`, `vocab.txt`, `tokenizer.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=TOKENS,
        hidden_size=given.width,
        num_hidden_layers=given.layers,
        num_attention_heads=given.heads,
        intermediate_size=4 * given.width,
    )
    transformers.BertModel(config).save_pretrained(given.folder)
    words = [*SPECIAL, *(f"w{number}" for number in range(TOKENS - len(SPECIAL)))]
    (given.folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    transformers.BertTokenizerFast(vocab_file=str(given.folder / "vocab.txt")).save_pretrained(given.folder)


if __name__ == "__main__":
    main()
