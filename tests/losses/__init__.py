"""Tests of `sft_keras.losses`."""
