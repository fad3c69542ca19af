"""Template retrosynthesis: curated rules and synspace's reactions, each proposal proved by running it forward."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from rdkit import Chem, rdBase

from planners.routes import formula
from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.reaction import Reaction
from planners.routes.single_step.rules import RULES
from planners.routes.single_step.stability import unstable
from planners.routes.single_step.synspace_rules import synspace_reactions
from planners.routes.structure import canonical, flat, parse

STEREO_UNPROVEN = 0.6  # the forward step gives the skeleton but does not fix the drawn stereochemistry
COMPETING_SITE = 0.45  # per further product that the same step can give from the same precursors
INTOLERANT_GROUP = 0.35  # per group that the class does not tolerate
MAX_OUTCOMES = 64
# Two pieces, a dummy atom, or a bracket atom without charge, stereo or isotope: a radical that a template left behind.
_NO_MOLECULE = re.compile(r"\.|\*|\[(?:C|CH|CH2|CH3|c|N|NH|NH2|O|OH|S|SH)\]")
LEAST_SCORE = 0.1  # below this a step is no plan but a hope


@cache
def reactions() -> dict[str, Reaction]:
    """Every known template by name, curated ones first."""
    compiled = [Reaction.from_rule(rule) for rule in RULES]
    return {r.name: r for r in (*compiled, *synspace_reactions())}


def _settle(mol: Chem.Mol) -> str | None:
    """Sanitise what a template made, in place; its canonical SMILES, or None when it is no molecule."""
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
    smiles = str(Chem.MolToSmiles(mol))
    return None if _NO_MOLECULE.search(smiles) else canonical(smiles)


@lru_cache(maxsize=65536)
def _bottled(smiles: str) -> bool:
    return not unstable(parse(smiles))


class RuleProposer:
    """Answers are cached by (molecule, k). `calls` counts molecules asked for, `misses` those computed."""

    def __init__(self, *, cache_size: int = 20000) -> None:
        self._reactions = tuple(reactions().values())
        self._cache: OrderedDict[tuple[str, int], list[Proposal]] = OrderedDict()
        self._cache_size = cache_size
        self.calls = 0
        self.misses = 0

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, best first. Raises InvalidMolecule."""
        return [self._cached(smiles, k) for smiles in molecules]

    def _cached(self, smiles: str, k: int) -> list[Proposal]:
        self.calls += 1
        key = (smiles, k)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        self.misses += 1
        found = self._propose(canonical(smiles))[:k]
        self._cache[key] = found
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return found

    def _propose(self, smiles: str) -> list[Proposal]:
        mol = parse(smiles)
        elements = Counter(a.GetAtomicNum() for a in mol.GetAtoms())
        best: dict[tuple[str, ...], Proposal] = {}
        for reaction in self._reactions:
            if any(elements[number] < n for number, n in reaction.needs.items()):
                continue
            if not mol.HasSubstructMatch(reaction.pattern):
                continue
            for proposal in _apply(reaction, smiles, mol):
                key = tuple(sorted(proposal.reactants))  # one reaction, whichever rule says it better
                if key not in best or proposal.score > best[key].score:
                    best[key] = proposal
        return sorted(best.values(), key=lambda p: (-p.score, p.reactants, p.template))


def _apply(reaction: Reaction, smiles: str, mol: Chem.Mol) -> Iterator[Proposal]:
    for reactants, score in sorted(_once(reaction, mol).items()):
        for n, repeated in _repeat(reaction, reactants):
            proposal = _judge(reaction, smiles, repeated, n, score)
            if proposal is not None and proposal.score >= LEAST_SCORE:
                yield proposal


def _once(reaction: Reaction, mol: Chem.Mol) -> dict[tuple[str, ...], float]:
    """Precursor sets of one application with the tolerance factor of each."""
    found: dict[tuple[str, ...], float] = {}
    for outcome in reaction.retro.RunReactants((mol,), maxProducts=MAX_OUTCOMES):
        settled = [_settle(part) for part in outcome]
        if any(s is None for s in settled):
            continue
        reactants = tuple(s for s in settled if s is not None)
        if reactants in found:
            continue
        if not all(_bottled(r) for r in reactants):
            continue
        if reaction.same is not None and reactants[reaction.same[0]] != reactants[reaction.same[1]]:
            continue
        found[reactants] = INTOLERANT_GROUP ** sum(spoilers(reaction, part) for part in outcome)
    return found


def spoilers(reaction: Reaction, part: Chem.Mol) -> int:
    """Groups outside the reacting site of a precursor, as the reaction gave it, that the class does not tolerate."""
    count = 0
    for pattern in reaction.intolerant_patterns:
        for match in part.GetSubstructMatches(pattern):
            atom = part.GetAtomWithIdx(match[0])
            count += atom.HasProp("react_atom_idx") and not atom.HasProp("old_mapno")
    return count


def _repeat(reaction: Reaction, reactants: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The single application, then the same step at two, three, ... like sites with the same partner."""
    yield 1, reactants
    if reaction.repeat == 1 or len(reactants) > 2:
        return
    for index, main in enumerate(reactants):
        partners = reactants[:index] + reactants[index + 1 :]
        for n in range(2, reaction.repeat + 1):
            again = sorted(
                {
                    other[index]
                    for other in _once(reaction, parse(main))
                    if other[:index] + other[index + 1 :] == partners
                }
            )
            if not again:
                break
            main = again[0]
            yield n, (*(partners * n), main) if index else (main, *(partners * n))


def _judge(
    reaction: Reaction, target: str, reactants: tuple[str, ...], times: int, tolerance: float
) -> Proposal | None:
    if target in reactants or not _balanced(reaction, target, reactants, times):
        return None
    outcomes = forward_products(reaction, reactants, times)
    if target in outcomes:
        stereo = 1.0
    elif flat(target) in {flat(o) for o in outcomes}:
        stereo = STEREO_UNPROVEN
    else:
        return None
    rivals = len({flat(o) for o in outcomes}) - 1
    score = reaction.prior * tolerance * stereo * COMPETING_SITE ** min(rivals, 3) * _evenness(reactants)
    return Proposal(reactants, reaction.reaction_class, reaction.name, round(score, 6))


def _evenness(reactants: tuple[str, ...]) -> float:
    """0.9 .. 1: joining two halves is worth more than adding one carbon, other things equal."""
    sizes = sorted(parse(r).GetNumHeavyAtoms() for r in set(reactants))
    return 1.0 if len(sizes) == 1 else 0.9 + 0.1 * sizes[0] / sizes[-1]


def _balanced(reaction: Reaction, target: str, reactants: tuple[str, ...], times: int) -> bool:
    left: Counter[str] = Counter()
    for reactant in reactants:
        left.update(formula.of_smiles(reactant))
    right = formula.of_smiles(target)
    change = reaction.difference(times)
    elements = {*left, *right, *change}
    if reaction.balanced:
        return all(left[e] + change[e] == right[e] for e in elements)
    return all(left[e] + change[e] >= right[e] for e in elements if e != "H")


def forward_products(reaction: Reaction, reactants: tuple[str, ...], times: int = 1) -> list[str]:
    """Everything that `times` runs of the forward template can make of the reactants, canonical, sorted."""
    slots = reaction.forward.GetNumReactantTemplates()
    if times == 1:
        return _run(reaction, reactants)
    if slots == 1:
        index, partners = 0, tuple[str, ...]()
    else:
        index = 0 if reactants[0] != reactants[1] or len(set(reactants)) == 1 else len(reactants) - 1
        partners = (reactants[1] if index == 0 else reactants[0],)
    pool = [reactants[index]]
    for _ in range(times):
        fresh: set[str] = set()
        for main in pool:
            order = (main, *partners) if index == 0 else (*partners, main)
            fresh.update(_run(reaction, order))
        pool = sorted(fresh)[:MAX_OUTCOMES]
    return pool


def _run(reaction: Reaction, reactants: tuple[str, ...]) -> list[str]:
    products: set[str] = set()
    for outcome in reaction.forward.RunReactants(tuple(parse(r) for r in reactants), maxProducts=MAX_OUTCOMES):
        made = [_settle(part) for part in outcome]
        products.update(m for m in made if m is not None)
    return sorted(products)
