"""The databases that the store tests stand on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests import postgres


def test_a_row_written_is_read_back_by_another_connection(store_url: str) -> None:
    engine = sa.create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(sa.text("create table molecule (smiles varchar primary key)"))
        connection.execute(sa.text("insert into molecule values ('CCC(=O)OCCC(C)C')"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("select smiles from molecule")).scalar_one() == "CCC(=O)OCCC(C)C"
    engine.dispose()


def test_each_test_has_a_database_of_its_own(store_url: str) -> None:
    engine = sa.create_engine(store_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_connection_left_open_does_not_keep_its_database(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    connection = engine.connect()
    assert connection.execute(sa.text("select 1")).scalar_one() == 1
    connection.invalidate()
    connection.close()
    engine.dispose()


def test_a_machine_without_apt_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find", lambda: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(postgres.Unavailable, match="no apt-get"):
        postgres.ensure()


def test_a_user_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(postgres.Unavailable, match="apt-get install postgresql"):
        postgres.ensure()
