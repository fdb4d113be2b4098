"""Classic recommenders on the same records, without which a score of a language model means nothing.

    RandomRanking | Popularity | ItemKnn | Bm25Knn | CoOccurrence | Ease | Slit  .fit(likes)
        →  rank(recommender, histories, n=…)

Fit on the likes of training (and, for a final figure, validation) users only. This room knows item ids,
not titles, and neither models nor prompts.
"""
