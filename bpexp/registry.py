"""Components by name: one registry per kind. A factory's signature and docstring declare its options in a config.

Names, types, ranges and defaults of the parameters are those of the signature; their meanings are in the section
`Args:` of the docstring. Validation, `--help`, the YAML files of `conf` and the tests read both.
`Annotated[float, Range(above=0)]` declares a range; `Annotated[str, Literal["a", "b"]]` declares a type that OmegaConf,
which reads the first argument alone, cannot express.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, Union

from bpexp.docstrings import argument_docs
from bpexp.errors import ConfigError, nearest

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, used as `Annotated[float, Range(above=0)]`; `least` and `most` are inclusive."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None

    def __contains__(self, value: float) -> bool:
        low = (self.above is None or value > self.above) and (self.least is None or value >= self.least)
        return low and (self.below is None or value < self.below) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        lower, upper = (self.least, "[") if self.above is None else (self.above, "("), (self.most, "]")
        if self.below is not None:
            upper = (self.below, ")")
        (low, opening), (high, closing) = lower, upper
        if low is not None and high is not None:
            return f"in {opening}{low:g}, {high:g}{closing}"
        if low is not None:
            return f"greater than {low:g}" if opening == "(" else f"at least {low:g}"
        return f"below {high:g}" if closing == ")" else f"at most {high:g}"


@dataclass(frozen=True, slots=True)
class Place:
    """Marks a text that names a file, a folder or an address: `Annotated[str, Place()]`."""


FilePath = Annotated[str, Place()]
HUGE = 1e300  # as good as infinite, whether a float or a whole number
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(least=0)]
Fraction = Annotated[float, Range(least=0, below=1)]
Count = Annotated[int, Range(least=1)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a factory: its type (with a `Range` where it has one), its default and what it means."""

    name: str
    hint: Any
    default: Any
    meaning: str

    @property
    def required(self) -> bool:
        """Whether a config must set it."""
        return self.default is inspect.Parameter.empty

    def validate(self, value: Any, where: str) -> None:
        """Raise ConfigError, which begins with `where`, unless `value` has the declared type and range."""
        if not fits(value, self.hint):
            near = nearest(value, words(self.hint)).strip() if isinstance(value, str) else ""
            raise ConfigError(f"{where} must be {spell(self.hint)}, not {value!r}" + (f"; {near}" if near else ""))
        numbers = value if isinstance(value, list) else [value] if isinstance(value, int | float) else []
        if not all(abs(number) < HUGE for number in numbers if isinstance(number, int | float)):
            raise ConfigError(f"{where} must be finite, not {value!r}")
        if not all(number in allowed for allowed in ranges(self.hint) for number in numbers):
            raise ConfigError(f"{where} must be {spell(self.hint)}, not {value!r}")


def declared_parameters(factory: Any) -> Mapping[str, Parameter]:
    """The parameters of a function or class by name, in the order of its signature."""
    return _declared(factory)


@functools.cache
def _declared(factory: Callable[..., Any]) -> Mapping[str, Parameter]:
    hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory, include_extras=True)
    meanings = argument_docs(inspect.getdoc(factory) or "")
    signature = inspect.signature(factory)
    return {
        name: Parameter(name, hints.get(name, Any), parameter.default, meanings.get(name, ""))
        for name, parameter in signature.parameters.items()
    }


def redefined(known: Any, new: Any) -> bool:
    """Whether two functions or classes are one definition of a notebook or a prompt, which was executed again."""
    return bool(known.__module__ == new.__module__ == "__main__" and known.__qualname__ == new.__qualname__)


class Registry(Mapping[str, Callable[..., T]], Generic[T]):
    """The factories of one kind of component, by name. `kind` is the name of the kind in error messages."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Register the decorated factory as `name`; raises ConfigError for a name that is taken by another one."""

        def add(factory: F) -> F:
            if name in self and not redefined(self[name], factory):
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
        """The factory called `name`; raises ConfigError, which lists the choices, for an unknown name."""
        if name not in self:
            hint = nearest(name, self)
            raise ConfigError(f"unknown {self.kind} {name!r}; {hint}choose from: {', '.join(sorted(self))}")
        return self[name]

    def parameters(self, name: str) -> Mapping[str, Parameter]:
        """The declared parameters of the factory called `name`."""
        return declared_parameters(self.require(name))

    def parse(self, node: Any) -> tuple[str, dict[str, Any]]:
        """Name and parameters of a node, `relu` or {name: leaky_relu, slope: 0.1}; raises ConfigError for another."""
        node = {"name": node} if isinstance(node, str) else node
        if not isinstance(node, Mapping) or not isinstance(node.get("name"), str):
            raise ConfigError(f"{self.kind} needs a name, as in {self.kind}={{name: ...}}, not {node!r}")
        return node["name"], {str(key): value for key, value in node.items() if key != "name"}

    def validate(self, name: str, **params: Any) -> None:
        """Raise ConfigError for an unknown name, an unknown or missing parameter, or a value of wrong type or range."""
        known = self.parameters(name)
        where = f"{self.kind} {name!r}"
        for key in params:
            if key not in known:
                takes = ", ".join(known) or "none"
                raise ConfigError(f"{where} has no parameter {key!r}; {nearest(key, known)}it takes: {takes}")
        for key, parameter in known.items():
            if key in params:
                parameter.validate(params[key], f"{where}: {key}")
            elif parameter.required:
                raise ConfigError(f"{where} needs the parameter {key!r}; it takes: {', '.join(known)}")

    def build(self, name: str, **params: Any) -> T:
        """Validate the parameters and make the component called `name`; raises ConfigError, which begins with it."""
        self.validate(name, **params)
        try:
            return self[name](**params)
        except ConfigError as error:
            raise ConfigError(f"{self.kind} {name!r}: {error}") from None

    def from_config(self, node: Any) -> T:
        """Make the component that a config declares; see `parse`."""
        name, params = self.parse(node)
        return self.build(name, **params)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from a YAML file has the type of a parameter annotated `hint`; ranges are ignored."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return all(fits(value, part) for part in typing.get_args(hint) if not isinstance(part, Range | Place))
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(hint))
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is list:
        return isinstance(value, list) and all(fits(item, typing.get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def ranges(hint: Any) -> list[Range]:
    """The ranges of a type annotation, including those of the options of a union and of the items of a list."""
    own = [extra for extra in typing.get_args(hint) if isinstance(extra, Range)]
    return own or [found for option in typing.get_args(hint) for found in ranges(option)]


def is_place(hint: Any) -> bool:
    """Whether a type annotation, or an option of its union, is marked as a place."""
    return any(isinstance(part, Place) or is_place(part) for part in typing.get_args(hint))


def words(hint: Any) -> list[str]:
    """The texts among which a type annotation lets one choose."""
    if typing.get_origin(hint) is Literal:
        return [option for option in typing.get_args(hint) if isinstance(option, str)]
    return [word for part in typing.get_args(hint) for word in words(part)]


def spell(hint: Any) -> str:
    """A type annotation in words, for messages and the help page."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        own = [str(part) for part in typing.get_args(hint) if isinstance(part, Range)]
        bounds = " ".join(f"of {bound}" if bound.startswith("at") else bound for bound in own)
        narrowest = [part for part in typing.get_args(hint) if not isinstance(part, Range | Place)][-1]
        return f"{spell(narrowest)} {bounds}".strip()
    if origin in (Union, types.UnionType):
        return " or ".join(spell(option) for option in typing.get_args(hint))
    if origin is Literal:
        options = ", ".join(str(option) for option in typing.get_args(hint))
        return f"one of {options}" if "," in options else options
    if origin is list:
        (item,) = typing.get_args(hint)
        noun, of, bounds = spell(item).removeprefix("a ").partition(" of ")
        return "a list" if item is Any else f"a list of {noun}s{of}{bounds}"
    if origin is dict or is_dataclass(hint):
        return "a mapping, such as {name: ...}"
    kinds = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(hint, getattr(hint, "__name__", str(hint)))
