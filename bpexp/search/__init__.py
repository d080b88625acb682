"""A search: trials in place of a grid, each decided from the results so far by Optuna.

What belongs here: the declaration of samplers and pruners, the space, the storage of a search, pruning, and what is
made of its trials: history, importance, confirmation, report. Composing and running trials is
`bpexp.running.searching`. Optuna has a word of its own for a search, "study"; here a study is a question with claims
and seeds, as everywhere.
"""
