"""Numbers in a page: decimals of four digits, each in three bytes that a browser reads as exactly this decimal.

Of 24 bits the first is the sign, 14 are the four digits as a whole number m, and 9 are the exponent e + 256 of
m 10^e. m = 16382 is infinity, 16383 is no number.
"""

from __future__ import annotations

import base64

import numpy as np

from bpexp.nn.arrays import Array

DIGITS = 4
INFINITE, NO_NUMBER = 16382, 16383
LEAST, MOST = -256, 255
"""Bounds of the exponent e."""


def packed(values: Array) -> str:
    """The entries of an array, row by row, rounded to four digits: three bytes each, in base64."""
    exact = np.asarray(values, np.float64).ravel()
    size = np.abs(exact)
    usual = np.isfinite(exact) & (size > 0)
    exponent = np.zeros(exact.shape, np.int64)
    exponent[usual] = np.floor(np.log10(size[usual])).astype(np.int64) - (DIGITS - 1)
    np.maximum(exponent, LEAST, out=exponent)
    digits = np.zeros(exact.shape, np.int64)
    digits[usual] = np.rint(_shifted(size[usual], exponent[usual])).astype(np.int64)
    carried = digits == 10**DIGITS
    digits[carried] //= 10
    exponent[carried] += 1
    digits[np.isinf(exact) | (exponent > MOST)] = INFINITE
    digits[np.isnan(exact)] = NO_NUMBER
    return integers((exact < 0) << 23 | digits << 9 | np.minimum(exponent, MOST) - LEAST)


def _shifted(size: Array, exponent: Array) -> Array:
    """size / 10^exponent, in two steps where 10^-exponent overflows."""
    half = -exponent // 2
    return np.asarray(size * 10.0**half * 10.0 ** (-exponent - half))


def integers(values: Array) -> str:
    """Whole numbers from 0 to 2^24 - 1, three bytes each, the highest first, in base64."""
    whole = np.asarray(values, np.int64).ravel().astype(">u4")
    return base64.b64encode(whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()).decode()


def text(value: float) -> str:
    """One number with four digits."""
    return f"{value:.{DIGITS}g}"
