"""Servers that complete prompts by OpenAI's interface: where one is, what it serves and takes, and how it is asked.

Knows no prompts, titles or catalogue; ``generation.remote`` asks through it.
"""
