"""From a command line to typed, validated configs: schema, groups, composition by Hydra, errors in our words.

Only this package and `running.launchers` know Hydra and OmegaConf, and `cli` hands Hydra the questions that it answers
itself (`--cfg`, `--info`); in every other package a config is a dataclass.
"""
