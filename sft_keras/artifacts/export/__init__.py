"""Other forms of a trained model, for programs that do without Keras: one file a format."""
