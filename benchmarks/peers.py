"""Other optimisers of experiments, used as their own documentation recommends: BayBE, Ax, and chance.

Both need the extra `peers`. Each is told all results so far before it is asked, is never told the best value there is
nor a reference point, and never repeats a row of a table.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from benchmarks.optimize_problem import BadProblem, Problem, Values, draw, key, nearest
from knowledge.records.space import Category, Setting


class Optimiser(Protocol):
    """One campaign. `notes`: what was done to its proposals, by count."""

    notes: dict[str, int]

    def tell(self, settings: Sequence[Setting], values: Values) -> None: ...

    def ask(self, count: int) -> list[Setting]: ...


class Chance:
    """Uniform among what was not tried."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.notes: dict[str, int] = {}
        self._problem = problem
        self._generator = np.random.default_rng([seed, 1])
        self._known: list[Setting] = []

    def tell(self, settings: Sequence[Setting], values: Values) -> None:
        self._known += settings

    def ask(self, count: int) -> list[Setting]:
        return draw(self._problem, count, self._generator, self._known)


class Baybe:
    """BayBE's campaign with its default two-phase recommender: after the starts, its Gaussian process and qLogEI (two
    goals: qLogNEHVI). Structures by decorrelated Mordred descriptors, other categories one-hot, tables by their rows.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        import pandas as pd
        from baybe import Campaign
        from baybe.objectives import ParetoObjective
        from baybe.parameters import (
            CategoricalParameter,
            NumericalContinuousParameter,
            NumericalDiscreteParameter,
            SubstanceParameter,
        )
        from baybe.recommenders import BotorchRecommender, RandomRecommender, TwoPhaseMetaRecommender
        from baybe.searchspace import SearchSpace
        from baybe.settings import active_settings
        from baybe.targets import NumericalTarget

        self.notes: dict[str, int] = {}
        self._problem = problem
        active_settings.random_seed = seed
        parameters: list[Any] = []
        fixed: Setting = {}  # BayBE refuses a parameter of one value
        for p in problem.space.parameters:
            if isinstance(p, Category) and len(p.options) == 1:
                fixed[p.name] = p.options[0].name
            elif isinstance(p, Category) and p.described:
                structures = {o.name: o.smiles for o in p.options}
                parameters.append(SubstanceParameter(name=p.name, data=structures, encoding="MORDRED"))
            elif isinstance(p, Category):
                parameters.append(CategoricalParameter(name=p.name, values=[o.name for o in p.options], encoding="OHE"))
            elif p.continuous:
                parameters.append(NumericalContinuousParameter(name=p.name, bounds=p.bounds))
            elif len(set(p.bounds)) == 1:
                fixed[p.name] = p.bounds[0]
            else:
                parameters.append(NumericalDiscreteParameter(name=p.name, values=p.levels))
        self._fixed = fixed
        names = [p.name for p in parameters]
        if problem.rows:
            table = pd.DataFrame([{name: row[name] for name in names} for row in problem.rows])
            space = SearchSpace.from_dataframe(table, parameters)
        else:
            space = SearchSpace.from_product(parameters)
        targets = [NumericalTarget(goal.outcome, minimize=not goal.maximise) for goal in problem.goals]
        again = {"allow_recommending_already_measured": False} if problem.rows else {}
        self._campaign = Campaign(
            searchspace=space,
            objective=ParetoObjective(targets) if len(targets) > 1 else targets[0].to_objective(),
            recommender=TwoPhaseMetaRecommender(
                initial_recommender=RandomRecommender(), recommender=BotorchRecommender()
            ),
            **again,
        )

    def tell(self, settings: Sequence[Setting], values: Values) -> None:
        import pandas as pd

        rows = [
            {**s, **{goal.outcome: v for goal, v in zip(self._problem.goals, row, strict=True)}}
            for s, row in zip(settings, values.tolist(), strict=True)
        ]
        self._campaign.add_measurements(pd.DataFrame(rows).drop(columns=list(self._fixed)))

    def ask(self, count: int) -> list[Setting]:
        frame = self._campaign.recommend(batch_size=count)
        return [_setting(self._problem, {**self._fixed, **row}) for row in frame.to_dict("records")]


class Ax:
    """Ax's client on its default strategy, existing trials attached first: its modular BoTorch generator once there are
    as many trials as starts. (By default it would first try the middle of the space, whatever was tried before.) Levels
    are ordered choices, categories unordered ones.

    What it proposes that is no row of the table, or was measured, is abandoned, and the nearest row that was not
    measured is taken instead (`nearest`); "moved" counts them.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

        self.notes: dict[str, int] = {"moved": 0, "not by the model": 0}
        self._problem = problem
        self._rows = {key(row) for row in problem.rows}
        self._client = Client(random_seed=seed)
        parameters: list[Any] = []
        self._fixed: Setting = {}
        for p in problem.space.parameters:
            if isinstance(p, Category):
                names = [o.name for o in p.options]
                if len(names) == 1:
                    self._fixed[p.name] = names[0]
                else:
                    parameters.append(ChoiceParameterConfig(p.name, names, "str", is_ordered=False))
            elif p.continuous:
                parameters.append(RangeParameterConfig(p.name, p.bounds, "float"))
            elif len(set(p.bounds)) == 1:
                self._fixed[p.name] = p.bounds[0]
            else:
                parameters.append(ChoiceParameterConfig(p.name, list(p.levels), "float", is_ordered=True))
        self._client.configure_experiment(parameters=parameters, name=problem.name)
        self._client.configure_optimization(
            objective=", ".join(f"{'' if goal.maximise else '-'}goal{i}" for i, goal in enumerate(problem.goals))
        )
        self._configured = False
        self._seed = seed
        self._asked: dict[int, Setting] = {}
        self._known: list[Setting] = []

    def tell(self, settings: Sequence[Setting], values: Values) -> None:
        if not self._configured:
            self._client.configure_generation_strategy(
                initialization_budget=len(settings), initialization_random_seed=self._seed, initialize_with_center=False
            )
            self._configured = True
        for setting, row in zip(settings, values.tolist(), strict=True):
            trial = next((i for i, s in self._asked.items() if key(s) == key(setting)), None)
            if trial is None:
                own = {name: value for name, value in setting.items() if name not in self._fixed}
                trial = self._client.attach_trial(own)
            # its expressions cannot hold any name: "yield" is a word of Python
            self._client.complete_trial(trial, {f"goal{i}": v for i, v in enumerate(row)})
        self._asked = {}
        self._known += settings

    def ask(self, count: int) -> list[Setting]:
        found: list[Setting] = []
        proposed = self._client.get_next_trials(count)
        while len(proposed) < count and (more := self._client.get_next_trials(count - len(proposed))):
            proposed |= more  # a node that hands over to the next one gives fewer than it was asked for
        for trial, parameters in proposed.items():
            setting = _setting(self._problem, {**self._fixed, **parameters})
            tried = {key(each) for each in (*self._known, *found)}
            if self._rows and (key(setting) not in self._rows or key(setting) in tried):
                self._client.mark_trial_abandoned(trial)
                setting = nearest(self._problem, setting, (*self._known, *found))
                self.notes["moved"] += 1
            else:
                self._asked[trial] = setting
            found.append(setting)
        runs = [self._client._experiment.trials[trial].generator_run for trial in proposed]
        self.notes["not by the model"] += sum(run._generator_key != "BoTorch" for run in runs)
        return found


PEERS: dict[str, tuple[str, type[Chance] | type[Baybe] | type[Ax]]] = {
    "random": ("", Chance),
    "baybe": ("baybe", Baybe),
    "ax": ("ax-platform", Ax),
}


def released(name: str) -> str:
    """The version of the peer's package. Raises BadProblem where it is not installed."""
    package, _ = PEERS[name]
    if not package:
        return "1"
    try:
        return version(package)
    except ModuleNotFoundError:
        raise BadProblem(f"'{name}' is not installed: pip install 'athanor[peers]'") from None


def peer(name: str, problem: Problem, seed: int) -> Optimiser:
    return PEERS[name][1](problem, seed)


def quietly() -> None:
    """Their warnings and messages are about their own insides."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)


def _setting(problem: Problem, found: dict[str, Any]) -> Setting:
    """In the order of the space; a number at the level it stands for."""
    setting: Setting = {}
    for p in problem.space.parameters:
        value = found[p.name]
        if isinstance(p, Category):
            setting[p.name] = str(value)
        elif p.levels:
            setting[p.name] = min(p.levels, key=lambda level: abs(level - float(value)))
        else:
            setting[p.name] = float(value)
    return setting
