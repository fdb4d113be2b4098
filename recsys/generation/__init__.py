"""From a prompt to what the model writes after it: tokens in, sampling, stopping, text out.

Knows models and prompts; knows neither titles nor items. When a list is complete is told by a callback.
"""
