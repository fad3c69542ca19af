"""Bringing a store's schema up to date with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from knowledge.store.database import connect, store_url, translate


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["url"] = url
    return config


def upgrade(url_or_path: str) -> None:
    """Apply every migration that is missing; harmless on a store that is up to date. Raises StoreError."""
    url = store_url(url_or_path)
    config = _config(url)
    engine = connect(url)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise translate(error, url) from None
    finally:
        engine.dispose()
