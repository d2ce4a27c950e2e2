"""The supervised terms, one file each, registered under the file's name in `sft_keras.losses.base.TERMS`."""
