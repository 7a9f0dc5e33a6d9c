"""The dashboards' SQL on a real Postgres."""
