"""Overrides as text, the way Hydra shall compose them."""

from __future__ import annotations

from hydra.core.override_parser.types import Override

from bpexp.config.groups import GROUPS
from bpexp.config.spelling import spelled


def lines_of(override: Override) -> list[str]:
    """An override as Hydra composes it: a mapping that names an option of a group becomes the option and its values.

    Hydra would merge the mapping with the option that was chosen before, whose parameters the new one may not have.
    """
    group, value = GROUPS.get(override.key_or_group), override.value()
    if group is None or not isinstance(value, dict) or value.get("name") not in group.registry:
        return [line_of(override)]
    own = [f"{group.name}.{key}={spelled(item)}" for key, item in value.items() if key != "name"]
    return [f"{group.name}={value['name']}", *own]


def line_of(override: Override) -> str:
    """An override as text."""
    if override.is_delete():
        return str(override.input_line)
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"
