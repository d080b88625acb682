"""Whether a server answers at all: known within two seconds, before MLflow is imported or asked."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bpexp.errors import TrackingError

SECONDS = 2.0
"""Time for a connection and a first answer."""


def refuse_silent(uri: str, seconds: float = SECONDS) -> None:
    """Raise TrackingError unless something answers at the address of a server, and is not out of order (5xx).

    Databases, and servers behind a proxy, pass: they are asked by MLflow alone. Of https the connection is tried.
    """
    address = urlsplit(uri)
    if address.scheme not in ("http", "https") or not address.hostname:
        return
    if address.scheme in getproxies() and not proxy_bypass(address.hostname):
        return
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        with socket.create_connection((address.hostname, port), timeout=seconds) as line:
            if address.scheme == "https":
                return
            line.settimeout(seconds)
            path, host = f"{address.path.rstrip('/')}/health", address.netloc.rpartition("@")[2]
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            said = line.recv(16)
    except TimeoutError as error:
        raise _silent(uri, f"no answer within {seconds:g} s") from error
    except (OSError, ValueError) as error:
        raise _silent(uri, getattr(error, "strerror", None) or str(error)) from error
    if not said:
        raise _silent(uri, "it closed the connection")
    if said.startswith(b"HTTP/") and said[9:10] == b"5":
        raise _silent(uri, f"it answers {said[9:12].decode(errors='replace')}")


def _silent(uri: str, reason: str) -> TrackingError:
    return TrackingError(
        f"no MLflow server answers at {uri!r} ({reason}); start it, or use tracking.uri=sqlite:///mlflow.db"
    )
