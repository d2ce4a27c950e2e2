"""Figures, intervals, baselines and the report of a run; nothing here needs Keras."""
