"""The table of states: every walk is legal, every state can end, and illegal moves raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.lifecycle import BEFORE_LAB, MOVES, PENDING, TERMINAL, UNCHARGED, IllegalMove, State, check


def reachable(start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        for onward in MOVES[todo.pop()]:
            if onward not in seen:
                seen.add(onward)
                todo.append(onward)
    return seen


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    assert set(MOVES) == set(State)
    # SUPERSEDED's child starts anew; everything else grows out of a proposal.
    assert reachable(State.PROPOSED) == set(State)


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_come_to_an_end(state: State) -> None:
    assert reachable(state) & TERMINAL


@given(st.sampled_from(State), st.sampled_from(State))
def test_exactly_the_moves_of_the_table_are_allowed(before: State, after: State) -> None:
    if after in MOVES[before]:
        check(before, after)
    else:
        with pytest.raises(IllegalMove, match=f"{before} -> {after}"):
            check(before, after)


@given(st.lists(st.sampled_from(State), min_size=1, max_size=12))
def test_no_walk_leaves_an_end_or_reaches_the_lab_without_approval(wishes: list[State]) -> None:
    state, walked = State.PROPOSED, [State.PROPOSED]
    for wish in wishes:
        if wish in MOVES[state]:
            assert state not in TERMINAL
            state = wish
            walked.append(state)
    if State.RUNNING in walked:
        assert walked.index(State.APPROVED) < walked.index(State.SCHEDULED) < walked.index(State.RUNNING)


def test_groups_of_states_do_not_contradict_each_other() -> None:
    assert not PENDING & TERMINAL
    assert not BEFORE_LAB & TERMINAL
    assert UNCHARGED < TERMINAL
    assert State.CLOSED not in UNCHARGED, "an experiment with a result is paid for"
