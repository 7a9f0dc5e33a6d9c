"""Postgres: pool, roles, migrations (one alembic branch per schema), inbox, error translation.

One database; a schema and a login role per service with tables, and roles that see views only (``roles``). A role's
search_path is its own schema, so SQL of a service never names it.
"""
