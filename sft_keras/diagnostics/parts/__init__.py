"""One file a part; each registers itself in `sft_keras.diagnostics.base.PARTS`."""
