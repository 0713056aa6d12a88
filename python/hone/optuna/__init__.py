"""Hone for Optuna's programs: its samplers, pruners and budget, and studies from one storage to another.

    study = optuna.create_study(sampler=hone.optuna.HoneSampler(), pruner=hone.optuna.HonePruner())
    with hone.optuna.within_budget():
        study.optimize(objective)
    hone.optuna.copy_study("bowl", "sqlite:///old.db", "hone://127.0.0.1:13000")

Optuna is imported here and nowhere else in this package.

    HoneSampler, HonePruner     ask a coordinator      _sampler, _pruner
    what they tell it           of a study so far      _past, _space
    how they reach it           from every process     _server
    within_budget, copy_study   by themselves          _budget, _copy
"""

from . import _needs as _needs
from ._budget import Ending, within_budget
from ._copy import copy_study
from ._pruner import HonePruner
from ._sampler import HoneSampler

__all__ = ["Ending", "HonePruner", "HoneSampler", "copy_study", "within_budget"]
