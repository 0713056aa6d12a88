"""Where a client finds its coordinator: the rules of the command line."""

import json
import socket
from pathlib import Path

import pytest

import hone
from hone.client import NotPermitted, Unreachable
from hone.client._place import Place, data_folder, holder, named, wanted

from .support.real import Hone
from .support.served import Served


def at(address: str, ca: Path | None = None, insecure: bool = False, **environment: str) -> Place:
    choice = wanted(address, None, None, ca, insecure, {"HOME": "/home/ada", **environment})
    assert choice.address is not None
    return named(choice, choice.address)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("unix:/run/s", "unix:/run/s"),
        ("unix:///run/s", "unix:/run/s"),
        ("localhost", "localhost:7171"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("::1", "[::1]:7171"),
        ("[::1]:80", "[::1]:80"),
        ("[::1]", "[::1]:7171"),
    ],
)
def test_addresses_are_read_as_by_the_command_line(text: str, target: str) -> None:
    assert at(text).target == target


@pytest.mark.parametrize(
    "text",
    [
        "unix:",
        ":7171",
        "host:",
        "host:99999",
        "host:x",
        "http://host:1",
        "a:b:1",
        "[::1",
        "user@host:1",
        "a b",
        "[a:b]:1",
    ],
)
def test_what_is_no_address_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(hone.HoneError, match="is no address; write `HOST:PORT` or `unix:PATH`"):
        at(text)


def test_beyond_this_machine_there_is_no_plaintext_unless_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotPermitted, match=r"copy `tls/authority.pem` .* name it with `ca=…` or HONE_CA"):
        at("trainer.example.org")
    assert at("trainer.example.org", insecure=True).authority is None
    authority = tmp_path / "authority.pem"
    authority.write_text("certificate")
    assert at("trainer.example.org", ca=authority).authority == b"certificate"
    assert at("127.0.0.1", HONE_CA=str(authority)).authority == b"certificate"
    with pytest.raises(hone.HoneError, match="cannot read the certificate of the authority"):
        at("trainer.example.org", ca=tmp_path / "none")


def test_what_is_given_beats_the_environment() -> None:
    environment = {"HOME": "/home/ada", "HONE_SERVER": "there:1", "HONE_DATA": "/data", "HONE_TOKEN": " secret\n"}
    choice = wanted(None, None, None, None, False, environment)
    assert (choice.address, choice.data, choice.token) == ("there:1", Path("/data"), "secret")
    assert wanted(None, "/elsewhere", None, None, False, environment).address is None
    assert wanted("here:1", None, "mine", None, False, environment).address == "here:1"
    assert wanted("here:1", None, "mine", None, False, environment).token == "mine"


def test_data_lies_in_the_state_folder_unless_named() -> None:
    assert data_folder({"HOME": "/home/ada", "XDG_STATE_HOME": "/state"}) == Path("/state/hone")
    assert data_folder({"HOME": "/home/ada", "XDG_STATE_HOME": "state"}).is_relative_to("/home/ada")
    with pytest.raises(hone.HoneError, match=r"neither HOME nor XDG_STATE_HOME is set; give `data=…`"):
        data_folder({})


def test_a_holder_that_was_killed_is_none(place: Path) -> None:
    assert holder(place) is None
    path = place / "coordinator.sock"
    contact = {"socket": str(path), "address": None, "token": "t"}
    (place / "coordinator.json").write_text(json.dumps(contact))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        assert holder(place) is None
        listener.listen()
        assert holder(place) == Place(f"unix:{path}", on_demand=place, stay=True)
    (place / "coordinator.json").write_text("{}")
    with pytest.raises(hone.HoneError, match="is no file of a coordinator"):
        holder(place)


def test_an_address_where_nobody_listens_is_unreachable_and_named(place: Path) -> None:
    with (
        hone.connect(f"unix:{place}/none", retry_for=0.2) as client,
        pytest.raises(Unreachable, match=rf"`unix:{place}/none`, tried for 0.2 s: .*`hone serve` starts one"),
    ):
        client.studies()


def test_the_loopback_wants_the_token(served: Served) -> None:
    contact = json.loads((served.data / "coordinator.json").read_text())
    with hone.connect(contact["address"], token=contact["token"]) as client:
        assert client.studies() == []
    with hone.connect(contact["address"], token="wrong") as client, pytest.raises(NotPermitted):
        client.studies()


def test_tls_trusts_the_authority_of_the_coordinator_alone(served: Served, place: Path) -> None:
    served.end()
    served.start("0.0.0.0:0")
    contact = json.loads((served.data / "coordinator.json").read_text())
    address = f"127.0.0.1:{contact['address'].rpartition(':')[2]}"
    with hone.connect(address, token=contact["token"], ca=served.data / "tls" / "authority.pem") as client:
        assert client.studies() == []
    # Another coordinator's authority knows nothing of this one.
    other = Hone(place / "other")
    other.root.mkdir()
    other.run("study", "ls")
    stranger = other.root / "data" / "tls" / "authority.pem"
    with (
        hone.connect(address, token=contact["token"], ca=stranger, retry_for=0.2) as client,
        pytest.raises(Unreachable),
    ):
        client.studies()


def test_without_a_program_to_start_the_way_out_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONE_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(hone.HoneError, match=r"no `hone` on the path to start one; install it, name it in HONE_BINARY"):
        hone.connect(data=place)
    monkeypatch.setenv("HONE_BINARY", "/bin/false")
    with pytest.raises(hone.HoneError, match="`hone serve` did not start: exit code 1"):
        hone.connect(data=place / "data")
    assert [path.name for path in place.iterdir()] == ["data"]
