"""Studies from one storage to another, as they are.

A copy that was interrupted goes on where it ended, and one that is complete is left alone: what the target has must be
how the study begins in the source.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

from optuna.distributions import distribution_to_json
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend
from optuna.study import Study, create_study, load_study
from optuna.trial import FrozenTrial

from hone._errors import HoneError
from hone.client import NotFound, Unreachable

#: For a server of Optuna's protocol to answer, in seconds.
READY_S = 30
DEFAULT_PORT = 13000


def copy_study(
    name: str,
    source: str | BaseStorage,
    target: str | BaseStorage,
    *,
    new_name: str | None = None,
) -> Study:
    """Copies a study with everything that Optuna keeps of it, and returns the copy.

    A storage is one of Optuna's objects, the URL of a database or of Redis, the path of a journal file, or
    `hone://HOST:PORT`, where `hone serve --optuna` or `hone optuna-proxy` listens.

    Raises `hone.client.NotFound` where the source has no such study, and Optuna's `DuplicatedStudyError` where the
    target has another one of that name.
    """
    original = _load(name, _open(source, must_exist=True))
    directions = original.directions
    copy = create_study(
        study_name=new_name or name,
        storage=_open(target, must_exist=False),
        directions=directions,
        load_if_exists=True,
    )
    there, wanted = copy.get_trials(deepcopy=False), original.get_trials(deepcopy=False)
    _check(copy, there, wanted, directions)
    for key, value in original._storage.get_study_system_attrs(original._study_id).items():
        copy._storage.set_study_system_attr(copy._study_id, key, value)
    for key, value in original.user_attrs.items():
        copy.set_user_attr(key, value)
    for trial in wanted[len(there) :]:
        copy._storage.create_new_trial(copy._study_id, template_trial=trial)
    return copy


def _load(name: str, storage: BaseStorage) -> Study:
    try:
        return load_study(study_name=name, storage=storage)
    except KeyError:
        names = ", ".join(f"`{study.study_name}`" for study in storage.get_all_studies())
        raise NotFound(f"the source has no study `{name}`; it has {names or 'none'}") from None


def _check(copy: Study, there: list[FrozenTrial], wanted: list[FrozenTrial], directions: object) -> None:
    """Refuses to mix two studies."""
    differs = next((a.number for a, b in zip(there, wanted, strict=False) if _content(a) != _content(b)), None)
    if copy.directions != directions:
        reason = "its directions differ"
    elif len(there) > len(wanted):
        reason = f"it has {len(there)} trials, and the source {len(wanted)}"
    elif differs is not None:
        reason = f"its trial {differs} differs"
    else:
        return
    raise DuplicatedStudyError(
        f"the target has a study `{copy.study_name}` that is no earlier copy of this one: {reason};"
        " give the copy a `new_name`, or delete that study"
    )


def _content(trial: FrozenTrial) -> str:
    """All of a trial but its times, which some databases round, as every storage gives it back."""
    params = {name: trial.distributions[name].to_internal_repr(value) for name, value in trial.params.items()}
    distributions = {name: distribution_to_json(it) for name, it in trial.distributions.items()}
    values = None if trial.values is None else [float(value) for value in trial.values]
    reports = {step: float(value) for step, value in trial.intermediate_values.items()}
    content = trial.state.name, values, params, distributions, reports, trial.user_attrs, trial.system_attrs
    return json.dumps(content, sort_keys=True, default=repr)


def _open(storage: str | BaseStorage, *, must_exist: bool) -> BaseStorage:
    if isinstance(storage, BaseStorage):
        return storage
    scheme = urlsplit(storage).scheme if "://" in storage else ""
    if scheme == "hone":
        return _of_hone(storage)
    if scheme.startswith("redis"):
        return JournalStorage(JournalRedisBackend(storage))
    if must_exist:
        _check_file(storage, scheme)
    return RDBStorage(storage) if scheme else JournalStorage(JournalFileBackend(storage))


def _check_file(storage: str, scheme: str) -> None:
    """Refuses a file that is not there, which Optuna would make."""
    path = storage if not scheme else storage.partition(":///")[2] if scheme.startswith("sqlite") else ""
    if path and not Path(path).exists():
        raise NotFound(f"there is no file `{path}`; a URL names a database, a path a journal file")


def _of_hone(url: str) -> BaseStorage:
    parts = urlsplit(url)
    if not parts.hostname:
        raise HoneError(f"`{url}` is no address; write `hone://HOST:PORT`")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    storage = GrpcStorageProxy(host=host, port=parts.port or DEFAULT_PORT)
    try:
        storage.wait_server_ready(timeout=READY_S)
    except ConnectionError:
        raise Unreachable(
            f"nobody speaks Optuna's protocol at `{url}`; `hone serve --optuna` and `hone optuna-proxy` do"
        ) from None
    return storage
