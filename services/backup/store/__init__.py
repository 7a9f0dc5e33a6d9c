"""All SQL of backup, as functions over a connection: a module for each table or noun."""
