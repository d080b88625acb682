"""Records as dataclasses: JSON read through the declared types of the fields, and the version of a record's format.

A message names the file, the field, what was found and what was expected. The types are those that `bpexp.registry`
understands for configs, and other records. pydantic, which MLflow installs, would be one more dependency of bpexp and
of every saved model, one more import of every start, and other words in the messages.

Every saved MLflow model contains a copy of this module.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

from bpexp.errors import RecordError, nearest
from bpexp.files.plain_json import MOST_BYTES, parse_json, read_json
from bpexp.registry import ranges, spell

T = TypeVar("T")

FORMAT = "format"
"""The key of the version of a record. Records that were written before versions were counted have none, and are 1."""

LARGEST = 2**63 - 1
"""Largest whole number, in size, of a record; JSON has no bound, and NumPy and SQLite have this one."""

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
"""The texts that stand for the numbers that JSON does not have."""


def read_record(path: Path, schema: type[T], *, newest: int = 1, most: int = MOST_BYTES) -> T:
    """The record in a JSON file.

    Args:
        path: of the file.
        schema: a dataclass. A field without a default must be there; a field of an older version that is gone, and any
            other unknown one, is refused.
        newest: the newest format that this version reads; a record without one is of format 1.
        most: the largest size of the file in bytes.

    Raises RecordError for everything else, in one line.
    """
    where = repr(str(path))
    return as_record(read_json(path, most=most, error=RecordError), schema, where, newest=newest)


def parse_record(content: bytes | str, schema: type[T], where: str, *, newest: int = 1) -> T:
    """The record in a JSON text, such as a line of a file; `where` begins the messages."""
    return as_record(parse_json(content, where, error=RecordError), schema, where, newest=newest)


def as_record(content: Any, schema: type[T], where: str, *, newest: int = 1) -> T:
    """The record in plain data, of which `format` is taken off; arguments as in `read_record`."""
    if not isinstance(content, dict):
        raise RecordError(f"{where}: found {shown(content)}; expected a mapping of fields")
    check_format(content, where, newest)
    plain = {key: value for key, value in content.items() if key != FORMAT}
    return typing.cast(T, _dataclass(plain, schema, f"{where}: "))


def check_format(content: Mapping[str, Any], where: str, newest: int) -> int:
    """The version of a record's format, from 1 to `newest`; raises RecordError for another one."""
    found = content.get(FORMAT, 1)
    if type(found) is not int or not 1 <= found <= newest:
        told = f"1 to {newest}" if newest > 1 else "1"
        raise RecordError(f"{where} has format {shown(found)}; this version reads {told}")
    return found


def typed(value: Any, hint: Any, where: str) -> Any:
    """A value of plain data as the type `hint`; raises RecordError, which begins with `where`, if it has another one.

    Types are those of `bpexp.registry`, dataclasses, `list[T]`, `tuple[T, ...]` and `dict[str, T]`. A `float` is any
    number, or one of the texts nan, inf and -inf.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        return _ranged(typed(value, arguments[0], where), hint, where)
    if origin in (Union, types.UnionType):
        return _option(value, hint, where)
    if origin in (list, tuple, dict):
        return _container(value, hint, where)
    if dataclasses.is_dataclass(hint):
        return _dataclass(value, hint, f"{where}.")
    if origin is Literal:
        fits = any(type(value) is type(option) and value == option for option in arguments)
    elif hint is float:
        value = NOT_FINITE.get(value, value) if isinstance(value, str) else value
        fits = type(value) is float or (type(value) is int and abs(value) <= LARGEST)
        value = float(value) if fits else value
    elif hint is int:
        fits = type(value) is int and abs(value) <= LARGEST
    else:
        fits = type(value) is hint
    if not fits:
        _refuse(value, hint, where)
    return value


def _refuse(value: Any, hint: Any, where: str) -> typing.NoReturn:
    raise RecordError(f"{where}: found {shown(value)}; expected {spell(hint)}")


def _ranged(value: Any, hint: Any, where: str) -> Any:
    """The value, if it lies in the ranges of the annotation and is one of its choices."""
    choices = [part for part in typing.get_args(hint)[1:] if typing.get_origin(part) is Literal]
    numbers = value if isinstance(value, list | tuple) else [value]
    numbers = [number for number in numbers if isinstance(number, int | float)]
    if not all(number in allowed for allowed in ranges(hint) for number in numbers):
        _refuse(value, hint, where)
    return typed(value, choices[0], where) if choices else value


def _option(value: Any, hint: Any, where: str) -> Any:
    options = typing.get_args(hint)
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1 or type(value) in rest:
        return typed(value, rest[0] if len(rest) == 1 else type(value), where)
    for option in rest:
        try:
            return typed(value, option, where)
        except RecordError:
            continue
    _refuse(value, hint, where)


def _container(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        if not isinstance(value, dict):
            _refuse(value, hint, where)
        if _uniform(value.values(), arguments[1]):
            return value
        return {key: typed(item, arguments[1], f"{where}[{key[:60]!r}]") for key, item in value.items()}
    if not isinstance(value, list):
        _refuse(value, list[Any] if origin is tuple else hint, where)
    if origin is tuple and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise RecordError(f"{where}: found {len(value)} values; expected {len(arguments)}")
        pairs = zip(value, arguments, strict=True)
        return tuple(typed(item, part, f"{where}[{i}]") for i, (item, part) in enumerate(pairs))
    if _uniform(value, arguments[0]):
        return origin(value)
    return origin(typed(item, arguments[0], f"{where}[{i}]") for i, item in enumerate(value))


def _uniform(values: Any, hint: Any) -> bool:
    """Whether all values are texts or all are floats, as `hint` says: a journal has millions, and needs no more."""
    return hint in (str, float) and set(map(type, values)) <= {hint}


def _dataclass(value: Any, schema: Any, prefix: str) -> Any:
    """A dataclass from a mapping of its fields; `prefix` is put before their names."""
    known, where = _fields(schema), prefix.rstrip(":. ")
    if not isinstance(value, dict):
        raise RecordError(f"{where}: found {shown(value)}; expected a mapping of fields")
    for key in value:
        if key not in known:
            told = f"{nearest(key[:60], known)}choose from: {', '.join(known)}"
            raise RecordError(f"{where}: unknown field {key[:60]!r}; {told}")
    for name, (hint, required) in known.items():
        if required and name not in value:
            raise RecordError(f"{prefix}{name}: is missing; expected {spell(hint)}")
    return schema(**{key: typed(item, known[key][0], f"{prefix}{key}") for key, item in value.items()})


@functools.cache
def _fields(schema: Any) -> dict[str, tuple[Any, bool]]:
    """Type, and whether there is no default, of each field."""
    hints = typing.get_type_hints(schema, include_extras=True)
    absent = dataclasses.MISSING
    return {
        f.name: (hints[f.name], f.default is absent and f.default_factory is absent)
        for f in dataclasses.fields(schema)
        if f.init
    }


def shown(value: Any) -> str:
    """A value in a message: its first 60 characters."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlist = _SHORT.maxdict = 3
_SHORT.maxlevel = 2
