"""Lets the search bench drive samplers of other libraries: JSON lines in, JSON lines out; see docs/search-bench.md.

    python bench/search/peer.py          answers `start`, `ask`, `report`, `tell` and `add` until its input ends

A sampler of your own needs one class with these five methods, and a line in `SAMPLERS`; or a program of its own in any
language.
"""

import importlib.metadata
import json
import math
import os
import sys
import time
import warnings

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
warnings.filterwarnings("ignore")


def is_there(parameter, params):
    """Whether all conditions of a parameter hold; parents come before their children."""
    return all(condition["parameter"] in params and params[condition["parameter"]] in condition["values"] for condition in parameter["when"])


class DefineByRun:
    """Optuna and what speaks its language: a study that is asked for a trial, and the trial for each parameter."""

    def ask(self, number):
        trial = self.study.ask()
        params = {}
        for parameter in self.parameters:
            if is_there(parameter, params):
                params[parameter["name"]] = self.suggest(trial, parameter["name"], parameter["distribution"])
        self.trials[number] = trial
        return params

    def suggest(self, trial, name, distribution):
        if "categorical" in distribution:
            return trial.suggest_categorical(name, distribution["categorical"]["choices"])
        kind, suggest = ("float", trial.suggest_float) if "float" in distribution else ("int", trial.suggest_int)
        given = distribution[kind]
        if given["log"]:
            return suggest(name, given["low"], given["high"], log=True)
        return suggest(name, given["low"], given["high"], step=given["step"])

    def tell(self, number, values, constraints, pruned):
        trial = self.trials.pop(number)
        for index, value in enumerate(constraints):
            trial.set_constraint(f"c{index}", value)
        if pruned:
            self.study.tell(trial, state=self.pruned_state)
        else:
            self.finish(trial, values)

    def finish(self, trial, values):
        self.study.tell(trial, values)

    def add(self, rows):
        distributions = {parameter["name"]: self.distribution(parameter["distribution"]) for parameter in self.parameters}
        for params, values in rows:
            there = {name: distributions[name] for name in params}
            self.study.add_trial(self.library.create_trial(params=params, distributions=there, values=values))

    def distribution(self, distribution):
        (kind, given), = distribution.items()
        kinds = self.library.distributions
        if kind == "categorical":
            return kinds.CategoricalDistribution(given["choices"])
        made = {"float": kinds.FloatDistribution, "int": kinds.IntDistribution}[kind]
        return made(given["low"], given["high"], log=given["log"], **({} if given["log"] else {"step": given["step"]}))


class Optuna(DefineByRun):
    package = "optuna"

    def __init__(self, start):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self.library, self.pruned_state = optuna, optuna.trial.TrialState.PRUNED
        self.parameters, self.trials = start["parameters"], {}
        sampler, _, pruner = start["sampler"].partition("+")
        several, constrained = start["objectives"] > 1, start["constraints"] > 0
        make = {
            "optuna-tpe": optuna.samplers.TPESampler,
            "optuna-gp": optuna.samplers.GPSampler,
            "optuna-cmaes": optuna.samplers.CmaEsSampler,
            "optuna-random": optuna.samplers.RandomSampler,
            "optuna-nsga2": optuna.samplers.NSGAIISampler,
        }[sampler]
        if sampler == "optuna-cmaes" and (several or constrained):
            raise NotImplementedError("one objective without constraints only")
        pruners = {
            "": optuna.pruners.NopPruner,
            "median": optuna.pruners.MedianPruner,
            "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
            "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=start["epochs"], reduction_factor=3),
        }
        self.study = optuna.create_study(sampler=make(seed=start["seed"]), pruner=pruners[pruner](), directions=["minimize"] * start["objectives"])

    def report(self, number, step, value):
        self.trials[number].report(value, step)
        return self.trials[number].should_prune()


class Rustuna(DefineByRun):
    package = "rustuna"

    def __init__(self, start):
        import rustuna

        self.library = rustuna
        self.parameters, self.trials = start["parameters"], {}
        make = {"rustuna-tpe": rustuna.samplers.TPESampler, "rustuna-cmaes": rustuna.samplers.CmaEsSampler, "rustuna-nsga2": rustuna.samplers.NSGAIISampler}
        if start["sampler"] == "rustuna-cmaes" and (start["objectives"] > 1 or start["constraints"] > 0):
            raise NotImplementedError("one objective without constraints only")
        self.study = rustuna.create_study(sampler=make[start["sampler"]](seed=start["seed"]), directions=["minimize"] * start["objectives"])

    def finish(self, trial, values):
        self.study.tell(trial.number, values)


class Hyperopt:
    """Conditions on options become nested choices, others stay flat: what is not there is drawn and ignored."""

    package = "hyperopt"

    def __init__(self, start):
        import hyperopt
        import numpy

        if start["objectives"] > 1 or start["constraints"] > 0:
            raise NotImplementedError("one objective without constraints only")
        self.hyperopt, self.random = hyperopt, numpy.random.default_rng(start["seed"])
        self.parameters = start["parameters"]
        self.by_name = {parameter["name"]: parameter for parameter in self.parameters}
        self.made = {}
        roots = [parameter for parameter in self.parameters if not self.is_nested(parameter)]
        self.space = {parameter["name"]: self.node(parameter) for parameter in roots}
        self.domain = hyperopt.Domain(lambda params: 0.0, self.space)
        self.trials, self.documents = hyperopt.Trials(), {}

    def is_nested(self, parameter):
        when = parameter["when"]
        return len(when) == 1 and "categorical" in self.by_name[when[0]["parameter"]]["distribution"]

    def node(self, parameter):
        name = parameter["name"]
        if name not in self.made:
            (kind, given), = parameter["distribution"].items()
            self.made[name] = self.choice(name, given["choices"]) if kind == "categorical" else self.number(name, kind, given)
        return self.made[name]

    def choice(self, name, choices):
        def branch(choice):
            inside = [p for p in self.parameters if self.is_nested(p) and p["when"][0]["parameter"] == name and choice in p["when"][0]["values"]]
            return {"": choice, **{parameter["name"]: self.node(parameter) for parameter in inside}}

        return self.hyperopt.hp.choice(name, [branch(choice) for choice in choices])

    def number(self, name, kind, given):
        hp, scope = self.hyperopt.hp, self.hyperopt.pyll.scope
        low, high, step = given["low"], given["high"], given["step"]
        if kind == "float":
            return hp.loguniform(name, math.log(low), math.log(high)) if given["log"] else hp.uniform(name, low, high)
        if given["log"]:
            return scope.int(hp.qloguniform(name, math.log(low), math.log(high), 1))
        return scope.int(hp.quniform(name, low, high, step))

    def ask(self, number):
        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        documents = self.hyperopt.tpe.suggest(ids, self.domain, self.trials, int(self.random.integers(2**31)))
        self.trials.insert_trial_docs(documents)
        self.trials.refresh()
        self.documents[number] = self.trials._dynamic_trials[-1]
        values = {name: value[0] for name, value in documents[0]["misc"]["vals"].items() if value}
        drawn = flat(self.hyperopt.space_eval(self.space, values))
        params = {}
        for parameter in self.parameters:
            if is_there(parameter, params):
                params[parameter["name"]] = within(parameter["distribution"], drawn[parameter["name"]])
        return params

    def tell(self, number, values, constraints, pruned):
        document = self.documents.pop(number)
        document["state"] = self.hyperopt.JOB_STATE_DONE
        document["result"] = {"status": self.hyperopt.STATUS_OK, "loss": values[0]}
        self.trials.refresh()


def flat(drawn):
    """Names to values out of nested choices, each of which is {"": option, name: value…}."""
    found = {}
    for name, value in drawn.items():
        if isinstance(value, dict):
            found[name] = value[""]
            found.update(flat({inner: given for inner, given in value.items() if inner}))
        else:
            found[name] = value
    return found


def within(distribution, value):
    (kind, given), = distribution.items()
    if kind == "categorical":
        return value
    value = min(max(value, given["low"]), given["high"])
    return float(value) if kind == "float" else int(value)


class Nevergrad:
    """Conditions cannot be told: what is not there is drawn and ignored."""

    package = "nevergrad"

    def __init__(self, start):
        import nevergrad

        if start["objectives"] > 1:
            raise NotImplementedError("one objective only")
        self.parameters, self.asked, self.constraints = start["parameters"], {}, start["constraints"]
        made = {parameter["name"]: self.number(nevergrad.p, parameter["distribution"]) for parameter in self.parameters}
        space = nevergrad.p.Dict(**made)
        space.random_state.seed(start["seed"])
        self.optimizer = nevergrad.optimizers.NGOpt(space, budget=start["trials"], num_workers=start["workers"])

    def number(self, kinds, distribution):
        (kind, given), = distribution.items()
        if kind == "categorical":
            return kinds.Choice(given["choices"])
        make = kinds.Log if given["log"] else kinds.Scalar
        made = make(lower=given["low"], upper=given["high"])
        return made.set_integer_casting() if kind == "int" else made

    def ask(self, number):
        self.asked[number] = candidate = self.optimizer.ask()
        params = {}
        for parameter in self.parameters:
            if is_there(parameter, params):
                params[parameter["name"]] = on_step(parameter["distribution"], candidate.value[parameter["name"]])
        return params

    def tell(self, number, values, constraints, pruned):
        violation = [max(value, 0.0) for value in constraints]
        self.optimizer.tell(self.asked.pop(number), values[0], **({"constraint_violation": violation} if violation else {}))


def on_step(distribution, value):
    (kind, given), = distribution.items()
    if kind == "int":
        value = given["low"] + round((value - given["low"]) / given["step"]) * given["step"]
    return within(distribution, value)


SAMPLERS = {"optuna": Optuna, "rustuna": Rustuna, "hyperopt": Hyperopt, "nevergrad": Nevergrad}


def start(message):
    made = SAMPLERS[message["sampler"].split("-")[0]]
    try:
        return made(message), {"version": importlib.metadata.version(made.package)}
    except NotImplementedError as error:
        return None, {"unsupported": str(error)}


def answer(sampler, message):
    """What a started sampler says to a message, with the seconds that it took."""
    begin = time.perf_counter()
    if message["op"] == "ask":
        said = {"params": sampler.ask(message["trial"])}
    elif message["op"] == "report":
        said = {"prune": bool(sampler.report(message["trial"], message["step"], message["value"]))}
    elif message["op"] == "tell":
        sampler.tell(message["trial"], message["values"], message["constraints"], message["pruned"])
        said = {}
    else:
        sampler.add(message["trials"])
        said = {}
    return {**said, "seconds": time.perf_counter() - begin}


def main():
    # Libraries that print must not disturb the protocol.
    out, sys.stdout = sys.stdout, sys.stderr
    sampler = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["op"] == "start":
                sampler, said = start(message)
            else:
                said = answer(sampler, message)
        except Exception as error:  # Whatever a library raises is told to the bench, which names the search.
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    main()
