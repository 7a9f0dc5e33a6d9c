"""The database: migrations, comments, grants."""
