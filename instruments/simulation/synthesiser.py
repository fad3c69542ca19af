"""A simulated synthesis robot: weighs, reacts, works up, purifies, and weighs what it isolated."""

from __future__ import annotations

import numpy as np

from instruments.analysis.signal import MEDIA_TYPE, encode
from instruments.driver import Busy, Fault, OperationEstimate, Phase, Rejected
from instruments.simulation import isolation, kinetics
from instruments.simulation.chance import Generator, uniform
from instruments.simulation.journal import Execution
from instruments.simulation.robot import Outcome, Robot, chemical_failure
from instruments.simulation.sample import Contents, Portion, Stage, molar_mass
from instruments.simulation.world import Vessel, World
from knowledge.records.measurement import Artifact, Source
from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Role
from knowledge.records.protocol import Dispense, Operation, Purify, React, WorkUp
from knowledge.records.quantity import UnitMismatch

_MINUTE = 60.0
_LOWEST_K, _HIGHEST_K = 193.0, 573.0
_LARGEST_VESSEL_ML = 2000.0
_LONGEST_H = 168.0
_TRACE_POINTS = 240
_USELESS_G = 0.01
_PURIFICATION_S = {"distillation": 2.5 * 3600.0, "recrystallisation": 10.0 * 3600.0, "chromatography": 3.0 * 3600.0}


class Synthesiser(Robot[World]):
    kind = "synthesiser"
    model = "Athanor virtual batch synthesiser"
    actions = ("dispense", "react", "work_up", "purify")

    def _estimate(self, operation: Operation) -> OperationEstimate:
        if isinstance(operation, Dispense):
            Molecule.from_smiles(operation.smiles)
            if not 0.0 < _in(operation.mass.magnitude, "g") <= 1000.0:
                raise Rejected(f"{self.name} weighs up to 1000 g, not {operation.mass}")
            return OperationEstimate(duration_s=6 * _MINUTE)
        if isinstance(operation, React):
            return OperationEstimate(duration_s=self._reaction_time(operation))
        if isinstance(operation, Purify):
            Molecule.from_smiles(operation.product)
            return OperationEstimate(duration_s=_PURIFICATION_S[operation.method])
        return OperationEstimate(duration_s=75 * _MINUTE)

    def _reaction_time(self, operation: React) -> float:
        temperature = _in(operation.temperature.magnitude, "K")
        hours = _in(operation.duration.magnitude, "hour")
        if not _LOWEST_K <= temperature <= _HIGHEST_K:
            raise Rejected(f"{self.name} holds {_LOWEST_K:.0f} to {_HIGHEST_K:.0f} K, not {temperature:.0f} K")
        if not 0.0 < hours <= _LONGEST_H:
            raise Rejected(f"{self.name} runs a reaction for up to {_LONGEST_H:.0f} h, not {hours:g} h")
        if not 0.0 < _in(operation.vessel_volume.magnitude, "mL") <= _LARGEST_VESSEL_ML:
            raise Rejected(f"{self.name} has vessels up to {_LARGEST_VESSEL_ML:.0f} mL, not {operation.vessel_volume}")
        if not any(charge.role is Role.REACTANT for charge in operation.charges) and not operation.intermediates:
            raise Rejected(f"{self.name} was given no reactant")
        for smiles in (operation.product, *operation.intermediates, *(charge.smiles for charge in operation.charges)):
            Molecule.from_smiles(smiles)
        ramp = abs(temperature - kinetics.ROOM_K) / kinetics.HEATING_K_PER_S
        return 15 * _MINUTE + 1.5 * ramp + hours * 3600.0

    def _perform(self, operation: Operation, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        if isinstance(operation, Dispense):
            return self._dispense(operation, vessel, chance, drift)
        if isinstance(operation, React):
            return self._react(operation, vessel, chance)
        if isinstance(operation, Purify):
            return self._purify(operation, vessel, chance, drift)
        if isinstance(operation, WorkUp):
            return self._work_up(vessel, chance)
        raise Rejected(f"{self.name} cannot '{operation.action}'")

    def _dispense(self, operation: Dispense, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        smiles = Molecule.from_smiles(operation.smiles).smiles
        grams = operation.mass.magnitude("g") * (1.0 + 0.002 * float(chance.standard_normal()))
        contents = _bought(smiles, grams, self._world.config.seed)
        after = vessel.contents.merged(contents).model_copy(update={"stage": Stage.ISOLATED, "product": smiles})
        reading = self._weighing(after, smiles, chance, drift)
        return Outcome(duration_s=6 * _MINUTE, after=after, artifacts=(reading,))

    def _react(self, operation: React, vessel: Vessel, chance: Generator) -> Outcome:
        config = self._world.config
        contents = vessel.contents
        draws: list[tuple[str, float]] = []
        wanted = {Molecule.from_smiles(c.smiles).smiles: c.amount.magnitude("mol") for c in operation.charges}
        handed_over = {Molecule.from_smiles(s).smiles: label for s, label in sorted(operation.intermediates.items())}
        for smiles, label in handed_over.items():
            source = self._world.vessel(label)
            if source.last is not None and source.last.running(self._world.clock.now()):
                raise Busy(f"sample {label} is in use by {source.last.instrument}")
            have = source.contents.mol(smiles)
            need = wanted.get(smiles, have)
            if have <= 0.0 or have < 0.02 * need:
                text = f"intermediate {smiles} from {label}: {have * 1e3:.2g} mmol of {need * 1e3:.3g} mmol needed"
                return chemical_failure(5 * _MINUTE, text)
            share = min(1.0, need / have)
            contents = contents.merged(source.contents.scaled(share))
            draws.append((label, share * source.contents.grams))
        reactants, reagents, solvents, millilitres = set(handed_over), [], [], 0.0
        for charge in operation.charges:
            smiles = Molecule.from_smiles(charge.smiles).smiles
            grams = charge.amount.magnitude("mol") * molar_mass(smiles)
            millilitres += grams if charge.volume is None else charge.volume.magnitude("mL")
            if charge.role is Role.REACTANT:
                reactants.add(smiles)
            elif charge.role is Role.SOLVENT:
                solvents.append(smiles)
            else:
                reagents.append(smiles)
            if smiles not in handed_over:
                contents = contents.with_added(smiles, charge.amount.magnitude("mol"), molar_mass(smiles))
        product = Molecule.from_smiles(operation.product).smiles
        # A solvent as small as water or methanol may take part; a larger one is a bystander.
        suppliers = reagents + [s for s in solvents if len(s) <= 3]
        reaction = kinetics.Reaction(
            product=product,
            reaction_class=operation.reaction_class,
            reactants=kinetics.stoichiometry(product, sorted(reactants), suppliers),
            solvents=tuple(sorted(set(solvents))),
        )
        conditions = _conditions(operation, max(millilitres, 1.0) / 1000.0)
        after = kinetics.react(contents, reaction, conditions, suppliers, config.seed, config.failure_rate)
        trace = _temperature_trace(conditions, chance, config.noise.thermometer_k)
        return Outcome(duration_s=self._reaction_time(operation), after=after, draws=tuple(draws), artifacts=(trace,))

    def _work_up(self, vessel: Vessel, chance: Generator) -> Outcome:
        if vessel.contents.grams <= 0.0:
            return chemical_failure(5 * _MINUTE, "the vessel is empty")
        after = isolation.work_up(vessel.contents, self._world.truth, chance)
        return Outcome(duration_s=75 * _MINUTE, after=after)

    def _purify(self, operation: Purify, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        product = Molecule.from_smiles(operation.product).smiles
        duration = _PURIFICATION_S[operation.method]
        if vessel.contents.grams <= 0.0:
            return chemical_failure(5 * _MINUTE, "the vessel is empty")
        after = isolation.purify(vessel.contents, product, operation.method, self._world.truth, chance)
        reading = self._weighing(after, product, chance, drift)
        outcome = Outcome(duration_s=duration, after=after, artifacts=(reading,))
        pure = after.species.get(product)
        if pure is None or pure.grams < _USELESS_G or pure.grams < 0.3 * after.grams:
            detail = f"hardly any product was isolated ({after.grams:.3g} g of solids and oils)"
            failed = {"phase": Phase.FAILED, "fault": Fault.CHEMISTRY, "detail": detail}
            return outcome.model_copy(update=failed)
        return outcome

    def _weighing(self, contents: Contents, product: str, chance: Generator, drift: float) -> Artifact:
        """Sixty seconds of the balance: empty vessel first, then with the sample; readings in g, warming up."""
        noise = self._world.config.noise.balance_g
        seconds = np.arange(60.0)
        tare = 25.0 + 2.0 * chance.random()
        creep = 2e-5 * chance.standard_normal() * np.arange(120.0)
        empty = tare + creep[:60] + noise * chance.standard_normal(60)
        loaded = tare + contents.grams * drift + creep[60:] + noise * chance.standard_normal(60)
        metadata: dict[str, object] = {"sample": product, "balance_std_g": max(noise, 1e-4)}
        if contents.product == product and contents.theoretical > 0.0:
            metadata["theoretical_g"] = contents.theoretical * molar_mass(product)
        data = encode({"time_s": seconds, "empty_g": empty, "loaded_g": loaded}, metadata)
        return Artifact(kind="balance", media_type=MEDIA_TYPE, data=data, source=Source.MODEL)

    def _interrupted(self, execution: Execution, vessel_before: Contents, elapsed_s: float) -> Contents | None:
        after = execution.after or Contents()
        if execution.action == "react":
            # Quenched halfway: everything is still there, but nobody can use it.
            waste = Portion(mol=after.grams / 100.0, molar_mass=100.0)
            return Contents(species={"~mixture": waste} if waste.mol > 0.0 else {}, stage=Stage.LOST)
        if execution.action == "dispense" and execution.finishes_s is not None:
            share = min(elapsed_s / (execution.finishes_s - execution.started_s), 1.0)
            return vessel_before.merged(after.scaled(share * (1.0 - vessel_before.grams / max(after.grams, 1e-9))))
        return vessel_before.scaled(0.9)


def _in(magnitude: object, unit: str) -> float:
    """A quantity's number in `unit`. Raises Rejected when the unit does not fit."""
    try:
        return float(magnitude(unit))  # type: ignore[operator]
    except UnitMismatch as error:
        raise Rejected(str(error)) from None


def _conditions(operation: React, volume_l: float) -> kinetics.Conditions:
    return kinetics.Conditions(
        temperature_k=operation.temperature.magnitude("K"),
        duration_s=operation.duration.magnitude("s"),
        volume_l=volume_l,
    )


def _bought(smiles: str, grams: float, seed: int) -> Contents:
    """Purchased goods are 98 to 99.8 % pure, the same for every lot of a substance."""
    purity = 0.98 + 0.018 * uniform(seed, "supplier", smiles)
    weight = molar_mass(smiles)
    return (
        Contents()
        .with_added(smiles, grams * purity / weight, weight)
        .with_added(f"~supplier:{smiles}", grams * (1.0 - purity) / weight, weight)
    )


def _temperature_trace(conditions: kinetics.Conditions, chance: Generator, noise: float) -> Artifact:
    total = conditions.heating_s + conditions.duration_s
    seconds = np.linspace(0.0, total, _TRACE_POINTS)
    # The jacket overshoots a little and settles within some minutes.
    after_ramp = np.maximum(seconds - conditions.heating_s, 0.0)
    overshoot = np.where(seconds > conditions.heating_s, 1.5 * np.exp(-after_ramp / 400.0), 0.0)
    ideal = np.array([conditions.temperature_at(float(s)) for s in seconds])
    reading = ideal + overshoot + noise * chance.standard_normal(_TRACE_POINTS)
    metadata = {"set_k": conditions.temperature_k}
    data = encode({"time_s": seconds, "temperature_k": reading}, metadata)
    return Artifact(kind="reactor_temperature", media_type=MEDIA_TYPE, data=data, source=Source.MODEL)
