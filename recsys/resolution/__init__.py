"""From a title as a model wrote it to a catalogue item, or to the finding that there is none.

    resolve_titles(titles, catalogue, resolver, settings) → Resolution, one for each title

Exact and normalised names come first; a resolver is asked only for the rest. TitleSearch serves people
who type.
"""
