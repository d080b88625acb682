"""Names to factories: one small mapping a kind, which answers a wrong name or parameter in one line."""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Literal, TypeVar, Union

from bpexp.errors import ConfigError, nearest

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Mapping[str, Callable[..., T]], Generic[T]):
    """The factories of one kind of component, by name.

    A factory's signature is its schema: parameter names, annotated types and defaults are what a config may say.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Decorate a factory so that configs can call it `name`; a name is given once."""

        def add(factory: F) -> F:
            if name in self._factories:
                raise ConfigError(f"{self.kind} {name!r} is registered already; choose another name")
            self._factories[name] = factory
            return factory

        return add

    def __getitem__(self, name: str) -> Callable[..., T]:
        return self._factories[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._factories)

    def __len__(self) -> int:
        return len(self._factories)

    def require(self, name: str) -> Callable[..., T]:
        """The factory called `name`; an unknown name is answered with the nearest one and the choices."""
        if name not in self._factories:
            hint = nearest(name, self)
            raise ConfigError(f"unknown {self.kind} {name!r}; {hint}choose from: {', '.join(sorted(self))}")
        return self._factories[name]

    def check(self, name: str, **params: Any) -> None:
        """Refuse an unknown name, an unknown or missing parameter, or a value of the wrong type."""
        factory = self.require(name)
        signature = inspect.signature(factory)
        where = f"{self.kind} {name!r}"
        for key in params:
            if key not in signature.parameters:
                known = ", ".join(signature.parameters) or "none"
                hint = nearest(key, signature.parameters)
                raise ConfigError(f"{where} has no parameter {key!r}; {hint}it takes: {known}")
        for key, parameter in signature.parameters.items():
            if key not in params and parameter.default is inspect.Parameter.empty:
                raise ConfigError(f"{where} needs the parameter {key!r}; it takes: {', '.join(signature.parameters)}")
        hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
        for key, value in params.items():
            if key in hints and not _fits(value, hints[key]):
                raise ConfigError(f"{where}: {key} must be {spell(hints[key])}, not {value!r}")
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{where}: {key} must be finite, not {value!r}")

    def build(self, name: str, **params: Any) -> T:
        """Make the component called `name`; errors of its factory carry its name."""
        self.check(name, **params)
        try:
            return self._factories[name](**params)
        except ConfigError as error:
            raise ConfigError(f"{self.kind} {name!r}: {error}") from None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value out of a YAML file can stand for a parameter annotated `hint`."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if origin is Literal:
        return value in typing.get_args(hint)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def spell(hint: Any) -> str:
    """A type annotation in a reader's words."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(spell(option) for option in typing.get_args(hint))
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in typing.get_args(hint))
    if origin is list:
        (item,) = typing.get_args(hint)
        return "a list" if item is Any else f"a list of {spell(item).removeprefix('a ')}s"
    if origin is dict or dataclasses.is_dataclass(hint):
        return "a mapping, such as {name: ...}"
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", type(None): "null"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))
