"""A composed config, looked at before anything is made of it: code, resolvers, texts, and what it grows to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpexp.config.hydra_keys import settings
from bpexp.config.interpolations import Sizes, refuse_all
from bpexp.config.limits import Limits
from bpexp.config.texts import refuse_texts
from bpexp.config.validation import refuse_code


def refuse_content(content: Mapping[str, Any], limits: Limits) -> None:
    """Raise ConfigError for what a config must not hold; `content` is plain data, interpolations as they stand.

    Of Hydra's own node only what a config may set is looked at: the rest is compared with Hydra's defaults.
    """
    own = {key: value for key, value in content.items() if key != "hydra"} | settings(content["hydra"])
    refuse_code(content)
    refuse_all(own)
    refuse_texts(own, limits)
    Sizes(content, limits).refuse()


def refuse_values(values: Mapping[str, Any], content: Mapping[str, Any], limits: Limits) -> None:
    """The same of values that were set on content without them, which was looked at; they hold no interpolation."""
    refuse_texts(values, limits)
    Sizes(content, limits).refuse()
