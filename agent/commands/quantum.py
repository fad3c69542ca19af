"""The command for what quantum chemistry says of molecules: a fast guess where that is sure, GFN2-xTB elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.commands.options import JsonOption, Unusable, print_json

if TYPE_CHECKING:
    from knowledge.quantum.answers import Answer

quantum = typer.Typer(no_args_is_help=True)

_COLUMNS = {
    "gap_ev": "gap, eV",
    "homo_ev": "HOMO, eV",
    "lumo_ev": "LUMO, eV",
    "dipole_debye": "dipole, D",
    "solvation_water_kj_mol": "water, kJ/mol",
    "solvation_octanol_kj_mol": "octanol, kJ/mol",
    "solvation_hexane_kj_mol": "hexane, kJ/mol",
}


@quantum.command("quantum")
def ask_quantum(
    smiles: Annotated[list[str], typer.Argument(metavar="SMILES...", help="Molecules.")],
    as_json: JsonOption = False,
) -> None:
    """Orbital gap, dipole and free energies of solvation: a fast surrogate's, or GFN2-xTB's where that is unsure."""
    from knowledge.quantum.answers import ask
    from knowledge.quantum.surrogate import WeightsUnusable
    from knowledge.records.molecule import InvalidMolecule

    try:
        answers = ask(smiles)
    except (InvalidMolecule, WeightsUnusable) as error:
        raise Unusable(str(error)) from None
    if as_json:
        print_json([_document(answer) for answer in answers])
    else:
        _show(answers)
    failed = [f"{a.smiles}: {a.why}" for a in answers if a.origin == "failed"]
    if failed:  # the others were answered; the exit code still tells a program
        raise Unusable("; ".join(failed))


def _document(answer: Answer) -> dict[str, Any]:
    values = {name: {"value": v.mean, "std": v.std, "low": v.low, "high": v.high} for name, v in answer.values.items()}
    return {"smiles": answer.smiles, "origin": answer.origin, "why": answer.why, "values": values}


def _show(answers: list[Answer]) -> None:
    from agent.show import Page

    page = Page()
    for answer in answers:
        origin = {"surrogate": "guessed by the surrogate, 90 % intervals", "xtb": "computed with GFN2-xTB"}
        page.say(f"{answer.smiles}  {origin.get(answer.origin, 'not known closely enough')}", style="bold")
        for name, value in answer.values.items():
            interval = "" if value.low == value.high else f", from {value.low:.3g} to {value.high:.3g}"
            page.item(_COLUMNS[name], f"{value.mean:.3g}{interval}")
        if answer.why:
            page.item("why", answer.why)
