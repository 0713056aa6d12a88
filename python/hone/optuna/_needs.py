"""Says that Optuna is missing, before anything fails without it."""

import importlib.util

if importlib.util.find_spec("optuna") is None:
    raise ImportError("`hone.optuna` needs Optuna, which is not installed; `pip install 'hone[optuna]'` adds it")
