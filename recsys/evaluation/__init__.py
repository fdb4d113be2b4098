"""How good a list of recommendations is: metrics, intervals, runs over held-out records, reports and jobs."""
