"""What the documents say is true: names exist, variables are settings, locks hold no addresses."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ops.settings import Settings

ROOT = Path(__file__).parent.parent.parent
STEPS = re.findall(r"^\d+\. `([^`]+)` `([^`]+)`", (ROOT / "docs" / "one-act.md").read_text("utf-8"), re.M)


def test_the_walk_has_its_steps():
    assert len(STEPS) > 15


@pytest.mark.parametrize(("path", "name"), STEPS)
def test_one_act_is_kept_true(path: str, name: str):
    text = (ROOT / path).read_text("utf-8")
    assert re.search(rf"(def|function) {re.escape(name)}\b", text), (path, name)


def test_the_compose_file_is_whole():
    """Parsed, and every variable of ours is a setting; two of each process, all with a health check."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"postgres", "temporal", "temporal-ui", "migrate", "api-1", "api-2", "worker-1", "worker-2"}
    known = {f"JUANZONG_{name.upper()}" for name in Settings.model_fields}
    for name, service in services.items():
        ours = {k for k in service.get("environment", {}) if k.startswith("JUANZONG_")}
        assert ours <= known, name
        if name not in ("migrate", "temporal-ui"):
            assert service["healthcheck"]["test"], name
    users = {name: services[name]["environment"]["JUANZONG_DATABASE_URL"].partition(":${")[0].rpartition("/")[2]
             for name in ("migrate", "api-1", "api-2", "worker-1", "worker-2")}
    assert set(users.values()) == {"juanzong_door"}
    assert [n for n, s in services.items() if "JUANZONG_OWNER_URL" in s.get("environment", {})] == ["migrate"]
    assert services["postgres"]["environment"]["POSTGRES_USER"] in services["migrate"]["environment"]["JUANZONG_OWNER_URL"]
    assert services["api-1"]["command"] == ["web"]
    assert services["worker-2"]["command"] == ["worker"]


def test_locks_hold_no_addresses():
    assert "://" not in (ROOT / "requirements.lock").read_text("utf-8")


def test_every_setting_is_described():
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_links_of_the_readmes_lead_somewhere():
    for readme in ("README.md", "README.zh-CN.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / readme).read_text("utf-8")):
            assert (ROOT / target).exists(), (readme, target)
