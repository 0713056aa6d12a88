"""Distributions and values of Optuna, as the coordinator takes them.

An option can be any value of Python, so it goes by its place in the list of options, written as a text: numbers would
be taken for something that has an order. Options that are equal, as `True` and `1` are, are one option to Optuna.
"""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hone._proto import client_pb2 as wire
from hone._proto import hone_pb2
from hone.client import _distributions
from hone.client._records import parameter_value


def space_to_wire(space: Mapping[str, BaseDistribution]) -> list[wire.SpaceParameter]:
    """The parameters of a space, in its order."""
    return [wire.SpaceParameter(name=name, distribution=_to_wire(name, it)) for name, it in space.items()]


def _to_wire(name: str, distribution: BaseDistribution) -> wire.Distribution:
    if isinstance(distribution, FloatDistribution):
        return _distributions.float_range(distribution.low, distribution.high, distribution.step, distribution.log)
    if isinstance(distribution, IntDistribution):
        return _distributions.int_range(distribution.low, distribution.high, distribution.step, distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        places = {_place(distribution, choice) for choice in distribution.choices}
        return _distributions.options(name, sorted(places, key=int))
    raise TypeError(f"parameter `{name}`: Hone knows no `{type(distribution).__name__}`")


def params_to_wire(
    params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> list[hone_pb2.Parameter]:
    """Values, by name."""
    return [_param_to_wire(name, value, distributions[name]) for name, value in params.items()]


def _param_to_wire(name: str, value: Any, distribution: BaseDistribution) -> hone_pb2.Parameter:
    if isinstance(distribution, CategoricalDistribution):
        return hone_pb2.Parameter(name=name, string=_place(distribution, value))
    if isinstance(distribution, IntDistribution):
        return hone_pb2.Parameter(name=name, int=int(value))
    return hone_pb2.Parameter(name=name, float=float(value))


def _place(distribution: CategoricalDistribution, choice: Any) -> str:
    return str(int(distribution.to_internal_repr(choice)))


def value_from_wire(parameter: hone_pb2.Parameter, distribution: BaseDistribution) -> Any:
    """What was chosen, as Optuna's own samplers hand it over."""
    value = parameter_value(parameter)
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(value)]
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def only_value(distribution: BaseDistribution) -> Any:
    """The value of a distribution that has only one."""
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else distribution.low
