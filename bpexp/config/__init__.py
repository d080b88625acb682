"""From a command line to typed, validated configs: schema, groups, composition by Hydra, errors in our words.

Only this package and `running.launchers` know Hydra and OmegaConf; below it a config is a dataclass.
"""
