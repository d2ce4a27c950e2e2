"""What a person may believe of a model: parts that each look at a finished run from one side.

A part is one file in `parts/`. It computes facts, which are kept as JSON in the run, and says what they mean in blocks
of the reader's language, which every page, report and terminal shows alike.
"""
