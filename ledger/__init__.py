"""The book: accounts, transfers, lots and seals in PostgreSQL, and what may be posted."""
