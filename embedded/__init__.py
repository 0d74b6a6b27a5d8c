"""PostgreSQL, Temporal and a bank on one machine, in a folder of the user's."""
