"""Where the coordinator is, and what it is shown: the same rules as those of the command line.

1. an address that is given, or `HONE_SERVER`;
2. else the process that holds the data folder, found by `coordinator.json` there;
3. else nowhere: the caller starts one.
"""

import contextlib
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hone._errors import HoneError

from ._errors import NotPermitted

DEFAULT_PORT = 7171
#: In every coordinator's certificate: only its own authority can have made it.
SERVER_NAME = "coordinator.hone"
CONTACT_FILE = "coordinator.json"
#: A holder that does not take a connection in this time is not there, in seconds.
CONNECT_S = 5.0


@dataclass(frozen=True)
class Place:
    """A coordinator's address, and how to convince it and be convinced by it."""

    #: For gRPC.
    target: str
    token: str | None = None
    #: PEM; `None`: without encryption.
    authority: bytes | None = None
    #: The data folder of a coordinator that lives only as long as somebody needs it, and may be started anew.
    on_demand: Path | None = None
    #: Whether to tell it that it is needed.
    stay: bool = False


@dataclass(frozen=True)
class Wanted:
    """What the caller and its environment say."""

    address: str | None
    data: Path
    token: str | None
    authority: Path | None
    insecure_plaintext: bool


def wanted(
    address: str | None,
    data: str | os.PathLike[str] | None,
    token: str | None,
    ca: str | os.PathLike[str] | None,
    insecure_plaintext: bool,
    environment: Mapping[str, str],
) -> Wanted:
    """Fills what the caller leaves out from the environment; a data folder that is given beats `HONE_SERVER`."""
    if address is None and data is None:
        address = environment.get("HONE_SERVER") or None
    ca = ca or environment.get("HONE_CA") or None
    token = (token or environment.get("HONE_TOKEN") or "").strip() or None
    folder = Path(data) if data is not None else data_folder(environment)
    return Wanted(address, folder.absolute(), token, Path(ca) if ca else None, insecure_plaintext)


def data_folder(environment: Mapping[str, str]) -> Path:
    """`HONE_DATA`, else where the platform keeps what programs must not lose."""
    if named := environment.get("HONE_DATA"):
        return Path(named)
    state = environment.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "hone"
    if home := environment.get("HOME"):
        return Path(home) / ("Library/Application Support" if sys.platform == "darwin" else ".local/state") / "hone"
    raise HoneError("there is no place for data: neither HOME nor XDG_STATE_HOME is set; give `data=…`")


def named(choice: Wanted, address: str) -> Place:
    """The place at an address, with the credentials that go there."""
    if address.startswith("unix:"):
        path = address[len("unix:") :].removeprefix("//")
        if not path:
            raise _no_address(address)
        return Place(f"unix:{path}", choice.token)
    host, port = _split(address)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if choice.insecure_plaintext:
        return Place(target, choice.token)
    if choice.authority is not None:
        return Place(target, choice.token, _read(choice.authority))
    if not _is_local(host):
        raise NotPermitted(
            f"nothing says whom to trust at `{target}`; copy `tls/authority.pem` from the coordinator's data folder"
            " and name it with `ca=…` or HONE_CA"
        )
    return Place(target, choice.token)


def holder(data: Path) -> Place | None:
    """The process that holds the folder, if one does and takes connections."""
    try:
        contact = json.loads((data / CONTACT_FILE).read_text())
        path, is_service = str(contact["socket"]), contact["address"] is not None
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotPermitted(f"{error}; only the owner of a store may use it directly") from None
    except (ValueError, KeyError, TypeError):
        raise HoneError(
            f"`{data / CONTACT_FILE}` is no file of a coordinator; end the coordinator and remove it"
        ) from None
    if not _takes_connections(path):
        return None
    return Place(f"unix:{path}", on_demand=None if is_service else data, stay=True)


def _takes_connections(path: str) -> bool:
    """A holder that was killed leaves its file and its socket behind."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(CONNECT_S)
        try:
            probe.connect(path)
        except PermissionError as error:
            raise NotPermitted(f"`{path}`: {error}; the socket belongs to another user") from None
        except OSError:
            return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HoneError(f"cannot read the certificate of the authority: {error}") from None


def _split(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `HOST` or `[ADDRESS]:PORT`."""
    if address.startswith("["):
        host, closed, rest = address[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _no_address(address)
        port = rest[1:]
        given = bool(rest)
    elif _is_ip(address):
        host, port, given = address, "", False
    else:
        host, colon, port = address.rpartition(":") if ":" in address else (address, "", "")
        given = bool(colon)
    if not host or (":" in host and not _is_ip(host)) or any(char.isspace() or char in "/@?#%" for char in host):
        raise _no_address(address)
    if not given:
        return host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise _no_address(address)
    return host, int(port)


def _no_address(text: str) -> HoneError:
    return HoneError(f"`{text}` is no address; write `HOST:PORT` or `unix:PATH`")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
