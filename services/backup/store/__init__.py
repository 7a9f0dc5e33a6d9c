"""All SQL of backup: functions over a connection, in modules by what they are about.

``installation`` (who we are), ``destinations`` (how they are), ``archives`` (what is made and was), ``members`` (what
is in each), ``parts`` (what was sent), ``missing`` (what no archive has) and ``coverage`` (how much that is).

Whoever calls opens the transaction (``shared.db.pool.transaction``), or takes a connection for a statement that stands
alone (``connected``).
"""
