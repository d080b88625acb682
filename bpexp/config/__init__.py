"""From a command line to typed, validated configs: schema, groups, composition by Hydra, translated errors.

Only this package, `running.launchers` and `cli` import Hydra or OmegaConf; elsewhere a config is a dataclass.
"""
