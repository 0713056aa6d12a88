"""The client for asynchronous programs: the same names as in `hone.client`, with calls to be awaited.

    async with await hone.aio.connect() as client:
        study = await client.create_study(space={"x": {"float": [-5, 5]}}, max_trials=50)
        await study.optimize(objective, n_jobs=8)

What is asked, how it is read, retries, quotas and outcomes are those of `hone.client`; only waiting is done here.
"""

from ._client import Client, connect
from ._study import Study
from ._trial import Trial

__all__ = ["Client", "Study", "Trial", "connect"]
