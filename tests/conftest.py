"""Fixtures and settings that every test shares."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def no_packaged_models(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """Tests make the models they need: whatever comes with nanosieve must not change their answer.

    A test of packaged models puts its own folder in place.
    """
    monkeypatch.setattr("nanosieve.models.load.PACKAGED", tmp_path_factory.getbasetemp() / "none")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real micrographs, which are never part of the project."""
    named = os.environ.get("NANOSIEVE_DATA")
    folder = Path(named or Path(__file__).resolve().parents[2] / "shared" / "data")
    if named and not folder.is_dir():
        pytest.fail(f"NANOSIEVE_DATA names {named}, which is no folder")
    if not folder.is_dir():
        pytest.skip(f"real micrographs not found at {folder}; set NANOSIEVE_DATA to their folder")
    return folder
