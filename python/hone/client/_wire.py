"""Methods of the services, found in the descriptors of the generated messages."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from google.protobuf import message_factory

from hone._proto import client_pb2, hone_pb2

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Method:
    """A method on the wire."""

    path: str
    serialize: Callable[[Any], bytes]
    parse: Callable[[bytes], Any]


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """A request, and how its reply is read; knows nothing of how the two travel."""

    method: Method
    request: Any
    read: Callable[[Any], T_co]
    #: Whether sending it again does no harm where it is not known what became of it.
    repeatable: bool = True


@cache
def method(service: str, name: str) -> Method:
    """The method `name` of `service` in the package `hone.v1`."""
    for file in (client_pb2.DESCRIPTOR, hone_pb2.DESCRIPTOR):
        if service in file.services_by_name:
            found = file.services_by_name[service].methods_by_name[name]
            request = message_factory.GetMessageClass(found.input_type)
            reply = message_factory.GetMessageClass(found.output_type)
            return Method(f"/{file.package}.{service}/{name}", request.SerializeToString, reply.FromString)
    raise LookupError(f"there is no service `{service}`")
