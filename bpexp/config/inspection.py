"""A composed config, looked at before anything is made of it: code, resolvers, texts, and what it grows to."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from bpexp.config.hydra_keys import settings
from bpexp.config.interpolations import Sizes, refuse_all
from bpexp.config.limits import Limits
from bpexp.config.texts import refuse_texts
from bpexp.config.validation import refuse_code


def inspected(whole: DictConfig, limits: Limits) -> dict[str, Any]:
    """The config as plain data, interpolations as they stand; raises ConfigError for what it must not hold.

    Of Hydra's own node only what a config may set is looked at: the rest was compared with Hydra's defaults.
    """
    content: Any = OmegaConf.to_container(whole, resolve=False, enum_to_str=True)
    own = {key: value for key, value in content.items() if key != "hydra"} | settings(content["hydra"])
    refuse_code(content)
    refuse_all(own)
    refuse_texts(own, limits)
    Sizes(content, limits).refuse()
    return dict(content)
