"""What NEON remembers between two runs, in SQLite."""
