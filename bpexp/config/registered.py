"""What Hydra knows of us beside the YAML files: the schema, and an option for each component without a file."""

from __future__ import annotations

import functools

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from bpexp.config.groups import GROUPS, config_folder
from bpexp.config.plugins import load_plugins
from bpexp.config.schema import Config

SCHEMA = "bpexp_schema"
"""The name of the schema in the defaults list of config.yaml."""


def register_options() -> None:
    """Register with Hydra the schema, and an option for each component without a YAML file, such as a plug-in's."""
    store = ConfigStore.instance()
    store.store(name=SCHEMA, node=_schema())
    load_plugins()
    for group in GROUPS.values():
        shipped = {path.stem for path in (config_folder() / group.name).glob("*.yaml")}
        for name in sorted(set(group.registry) - shipped):
            store.store(group=group.name, name=name, node=group.defaults(name))


@functools.cache
def _schema() -> DictConfig:
    """The schema, which Hydra copies; mappings are open, so that parameters of components can be set without a `+`."""
    schema = OmegaConf.structured(Config)
    assert isinstance(schema, DictConfig)
    for name, node in schema.items_ex(resolve=False):
        if isinstance(node, DictConfig):
            OmegaConf.set_readonly(node, None)  # a frozen settings class is read-only
            if OmegaConf.get_type(node) is dict:
                OmegaConf.set_struct(schema[name], False)
    return schema
