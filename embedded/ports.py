"""The ports of a stack: kept in its data folder, replaced when somebody else has taken them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.process import free_port, port_is_free


class PortTaken(RuntimeError):
    def __init__(self, option: str, port: int) -> None:
        super().__init__(
            f"Port {port} is taken: give another with {option}, or leave it out and one is found."
        )


@dataclass(frozen=True)
class Ports:
    """0 is any."""

    postgres: int = 0
    temporal: int = 0
    temporal_ui: int = 0
    bank: int = 0


# Where people expect them; a second stack gets others. 5432 is left to a PostgreSQL of the user's.
USUAL = Ports(postgres=5433, temporal=7233, temporal_ui=8233, bank=8090)


def choose(file: Path, asked: Ports) -> Ports:
    """A free port for each part: the one asked for, the one it had, the usual one, or any."""
    kept = json.loads(file.read_text()) if file.exists() else {}
    chosen: dict[str, int] = {}
    for name, port in asdict(asked).items():
        if port and not port_is_free(port):
            raise PortTaken(f"--{name.replace('_', '-')}-port", port)
        wishes = [port] if port else [kept.get(name, 0), getattr(USUAL, name)]
        free = (wish for wish in wishes if wish and wish not in chosen.values() and port_is_free(wish))
        chosen[name] = next(free, 0) or free_port()
    file.write_text(json.dumps(chosen))
    return Ports(**chosen)
