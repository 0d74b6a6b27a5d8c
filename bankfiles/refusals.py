"""What stops a bank file: refused files are never read, held ones wait for a person, neither posts anything."""


class BankFileError(Exception):
    """A bank file that cannot be used as it is; the message is one sentence for the operator."""


class Refused(BankFileError):
    """Nothing in the file can be believed: it is not read at all."""


class Held(BankFileError):
    """The file is a bank file, but it is broken or its sums disagree: a person looks, nothing of it posts."""


class HasDoctype(Refused):
    def __init__(self) -> None:
        super().__init__(
            "The file has a document type declaration (<!DOCTYPE>), with which amounts can be hidden: "
            "ask the bank for the file without it."
        )


class UnknownEncoding(Refused):
    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"The file says that it is encoded in {encoding[:40]!r}, which it is not or which is not read here: "
            "ask the bank for UTF-8."
        )


class TooLarge(Refused):
    def __init__(self, what: str, limit: str) -> None:
        super().__init__(f"{what} is larger than the limit of {limit}: ask the bank to split the file.")


class TooDeep(Refused):
    def __init__(self, line: int, limit: int) -> None:
        super().__init__(
            f"Line {line}: the elements are nested deeper than {limit}, or larger than the parser takes, "
            "as in no bank file: find out who sent it."
        )


class OtherVersion(Refused):
    def __init__(self, format: str, version: str, read: str) -> None:
        super().__init__(
            f"The file says that it is version {version[:10]!r} of {format}, which is not read here: "
            f"ask the bank for version {read}."
        )


class NotABankFile(Refused):
    def __init__(self) -> None:
        super().__init__(
            "The file holds no bank message that is read here: "
            "expected a camt.052, camt.053 or camt.054, an MT940 or MT942, or BAI2."
        )


class Broken(Held):
    """The structure ends early or contradicts itself."""

    def __init__(self, line: int, found: str) -> None:
        super().__init__(
            f"Line {line}: the file is broken or cut off ({found[:200]}): ask the bank to send it again."
        )


class Disagrees(Held):
    """What the file says about itself is not what it holds."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        others = len(problems) - 1
        more = f" ({others} more disagreement{'s' if others > 1 else ''}.)" if others else ""
        super().__init__(problems[0] + more)
        self.problems = problems


class Unreadable(Exception):
    """One value of one entry cannot be read; the reader turns it into a `Quarantine`."""

    def __init__(self, element: str, expected: str, found: object) -> None:
        super().__init__(f"{element}: expected {expected}, found {_short(found)}")
        self.element, self.expected, self.found = element, expected, found

    def inside(self, outer: str) -> "Unreadable":
        return Unreadable(f"{outer}/{self.element}", self.expected, self.found)


def _short(found: object) -> str:
    if found is None or found == "":
        return "nothing"
    text = str(found)
    return repr(text if len(text) <= 40 else text[:37] + "...")
