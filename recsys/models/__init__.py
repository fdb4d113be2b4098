"""Base models and adapters: which there are, fetching, loading, switching, and the one in memory.

    find_model() → fetch → load_model() → LoadedModel → select_adapter();  ModelHost shares it

This room knows weights, precisions and devices; it knows neither prompts nor what is generated.
"""
