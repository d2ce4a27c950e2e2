"""Which run a link belongs to: an index that only speeds up, and is made again from the folders when it is lost.

A listing of runs needs no index: it reads the folders of one owner. A link names no owner, so that without an
index every visit would look into every run there is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool
from sqlmodel import Field, Session, SQLModel, create_engine, delete

from sft_keras.settings import Settings

LINK = "link.json"
BUSY_SECONDS = 10


class LinkRow(SQLModel, table=True):
    """A link and the folder of its run, relative to the folder of all owners, so that the data may be moved."""

    __tablename__ = "links"

    link: str = Field(primary_key=True)
    folder: str


class Index:
    """Finds the run of a link.

    Args:
        settings: Say where the folders of the owners and the index lie.
    """

    def __init__(self, settings: Settings) -> None:
        self._owners = settings.owners_dir
        self._file = settings.index_file
        # A connection for each question: it notices when the file was deleted, and opening takes under a millisecond.
        self._engine = create_engine(f"sqlite:///{self._file}", poolclass=NullPool)
        event.listen(self._engine, "connect", _prepare)

    def put(self, link: str, folder: Path) -> None:
        """Remembers the run folder of a link; its `link.json` is written already."""
        with self._mended() as session:
            self._write(session, link, folder)
            session.commit()

    def remove(self, link: str) -> None:
        """Forgets a link."""
        with self._mended() as session:
            row = session.get(LinkRow, link)
            if row is not None:
                session.delete(row)
                session.commit()

    def find(self, link: str) -> Path | None:
        """The run folder of a link; None if there is no such link.

        The folder has the last word: a link that its `link.json` does not name any more is gone.
        """
        with self._mended() as session:
            row = session.get(LinkRow, link)
            folder = self._owners / row.folder if row else None
        return folder if folder is not None and link_in(folder) == link else None

    def rebuild(self) -> int:
        """Reads all run folders again; returns the number of links."""
        found = {link: folder for folder in self._owners.glob("*/runs/*") if (link := link_in(folder))}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._file}.lock"):
            try:
                self._fill(found)
            except OperationalError as error:  # busy, or the disk is full; other columns say "no such column"
                if "no such column" not in str(error) and "no column" not in str(error):
                    raise
                self._renew(found)
            except DatabaseError:  # it is no database
                self._renew(found)
        return len(found)

    def _renew(self, found: dict[str, Path]) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._file}{ending}").unlink(missing_ok=True)
        self._fill(found)

    def _fill(self, found: dict[str, Path]) -> None:
        SQLModel.metadata.tables["links"].create(self._engine, checkfirst=True)
        with Session(self._engine) as session:
            session.exec(delete(LinkRow))
            for link, folder in found.items():
                self._write(session, link, folder)
            session.commit()

    def _write(self, session: Session, link: str, folder: Path) -> None:
        """Writes a row in one statement: between a look and a write, another process may have written it."""
        row = {"link": link, "folder": folder.relative_to(self._owners).as_posix()}
        statement = insert(LinkRow).values(row)
        session.exec(statement.on_conflict_do_update(index_elements=["link"], set_=row))

    @contextlib.contextmanager
    def _mended(self) -> Iterator[Session]:
        """A session on an index that can be read; it is made again where it is missing or damaged."""
        try:
            with Session(self._engine) as session:
                session.get(LinkRow, "")
        except DatabaseError:
            self.rebuild()
        with Session(self._engine) as session:
            yield session


def link_in(folder: Path) -> str | None:
    """The id of the link that a run folder holds; None if it holds none that can be read."""
    try:
        content = json.loads((folder / LINK).read_text(encoding="utf-8"))
        return content["id"] if isinstance(content["id"], str) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _prepare(connection: Any, record: Any) -> None:
    """Readers do not wait for a writer, and a writer waits for another a while."""
    del record
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode=WAL")
