"""The roles beside those of services. Three read the views of the contract, one dumps the database; none writes.

A service's role is called as its schema and is not listed here. All limits together leave room for the services on a
server with the usual 100 connections, and on the embedded one. Times are what a session begins with: PostgreSQL lets
every role change them for itself. The size of temporary files is not the role's to change.
"""

from dataclasses import dataclass

IDLE_IN_TRANSACTION = "15min"
"""How long a transaction may be left open: it holds back vacuum, and a migration of what it has read."""
IDLE_SESSION = "8h"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRole:
    """A role that reads views and writes nothing: for how many connections, and how long and large one query may be."""

    name: str
    connections: int
    statement_timeout: str
    temp_file_limit: str


PEOPLE = ReadingRole(name="reader", connections=8, statement_timeout="5min", temp_file_limit="1GB")
"""For people and their own programs; the others are its members and see what it sees."""
COMMAND_LINE = ReadingRole(name="reader_cli", connections=12, statement_timeout="5min", temp_file_limit="1GB")
"""For listings and `nightbus sql`."""
GRAFANA = ReadingRole(name="reader_grafana", connections=8, statement_timeout="1min", temp_file_limit="256MB")
"""For dashboards, which ask the same again and again."""
READING_ROLES = (PEOPLE, COMMAND_LINE, GRAFANA)
READERS = tuple(role.name for role in READING_ROLES)
DUMPING = "backup_dump"
"""The role that pg_dump logs in as: it reads every table, for as long as that takes, and is no member of the others."""
DUMPING_CONNECTIONS = 2
"""One for the dump, one to look at the server before."""
OTHERS = (*READERS, DUMPING)
"""All roles beside those of services."""
