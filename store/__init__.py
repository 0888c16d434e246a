"""DuckDB: tables, migrations, every statement by name. One process owns the file, one thread writes."""
