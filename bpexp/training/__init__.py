"""The training loop: events, callbacks, metrics, the trainer.

Everything between the first epoch and the last belongs here. Measurements of single steps are in `insight`, files in
`records`.
"""
