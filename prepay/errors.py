"""What the client raises; each message is one sentence for people."""


class PrepayError(Exception):
    """What the client raises; the message is one sentence for people."""


class Refused(PrepayError):
    """The request cannot be fulfilled, however often it is sent."""


class Unavailable(PrepayError):
    """A part of Prepay does not answer; the same request can be sent again."""


class NotFound(PrepayError):
    """There is no such thing."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is no {what} {name}.")


class FormNotDrawn(PrepayError):
    """The form exists, its PDF does not yet."""

    def __init__(self, number: str, seconds: float) -> None:
        super().__init__(
            f"The form of {number} was not drawn within {seconds:g} s. Ask again later; "
            "`prepay doctor` tells which libraries a machine lacks."
        )
