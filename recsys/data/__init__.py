"""MovieLens data: reading it, cutting it into records and user sets, and writing training files.

    load() → MovieLens → split_records() → SplitData → few_shot_examples() | build_instructions()

This room knows no model and no page; prompts come from recsys.prompts.
"""
