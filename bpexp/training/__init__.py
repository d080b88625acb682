"""The training loop: events, callbacks, metrics and their directions, the trainer.

What happens from the first epoch to the last belongs here. Measurements of single steps are `insight`, files are
`records`.
"""
