"""How SQLAlchemy names the database that a plain PostgreSQL URL names."""


def sqlalchemy_url(url: str) -> str:
    """The same URL with SQLAlchemy's name of the psycopg driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
