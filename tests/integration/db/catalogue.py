"""What a database holds, read from Postgres's own catalogue (pg_catalog)."""

from collections.abc import Collection

import asyncpg

from services.descriptions import SCHEMAS

_RELATIONS = """
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1, 2
"""
_SNAPSHOT = """
WITH relation AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind, c.relacl FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1)
)
SELECT 'relation ' || name || ' ' || relkind::text || ' ' || coalesce(relacl::text, '') || ' '
       || coalesce(obj_description(oid, 'pg_class'), '') AS line FROM relation
UNION ALL
SELECT 'column ' || r.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '
       || a.attnotnull::text || ' ' || a.attidentity::text || ' '
       || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || coalesce(l.collname, '')
       || ' ' || coalesce(col_description(r.oid, a.attnum), '')
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum LEFT JOIN pg_collation l ON l.oid = a.attcollation
UNION ALL
SELECT 'constraint ' || r.name || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
UNION ALL
SELECT 'index ' || pg_get_indexdef(oid) FROM relation WHERE relkind = 'i'
UNION ALL
SELECT 'view ' || name || ' ' || pg_get_viewdef(oid) FROM relation WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'function ' || p.oid::regprocedure::text || ' ' || p.prosrc FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY($1)
UNION ALL
SELECT 'trigger ' || r.name || ' ' || pg_get_triggerdef(t.oid) FROM relation r
JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'schema ' || nspname || ' ' || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname = ANY($1)
ORDER BY 1
"""


async def relations(connection: asyncpg.Connection, kinds: str) -> list[tuple[str, str]]:
    """Schema and name of every relation of ours; ``kinds``: letters of pg_class.relkind (r table, v view)."""
    rows = await connection.fetch(_RELATIONS, list(SCHEMAS))
    return [(row["schema"], row["name"]) for row in rows if row["kind"] in kinds]


async def snapshot(connection: asyncpg.Connection, schemas: Collection[str] = SCHEMAS) -> list[str]:
    """Everything in some schemas, a line each: columns, constraints, indexes, views, functions, comments and grants."""
    return [row["line"] for row in await connection.fetch(_SNAPSHOT, list(schemas))]
