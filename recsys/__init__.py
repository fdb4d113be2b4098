"""How good is an LLM as a recommender, and how do its generator settings change that?

Importing the package loads neither torch nor gradio: heavy imports happen when first used.
"""

__version__ = "0.1.0"
