"""The wheel holds everything: unpacked away from the clone, its doctor finds nothing wrong."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_away_from_the_clone(tmp_path: Path):
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True,
                   capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as z:
        names = set(z.namelist())
        z.extractall(place)
    assert {"worker.py", "store/sql/001_record.sql", "store/sql/functions.sql", "activities/papers/templates/certificate.typ", "data/county/posts.csv",
            "data/policy/recognition/star-school-2026.yaml", "api/pages/static/tokens.css"} <= names
    assert not [n for n in names if n.startswith(("tests/", "bench/"))]
    env = {**os.environ, "PYTHONPATH": str(place), "JUANZONG_DATA_DIR": str(tmp_path / "var")}
    where = subprocess.run([sys.executable, "-c", "import ops.cli; print(ops.cli.__file__)"], cwd=tmp_path, env=env,
                           capture_output=True, text=True, check=True).stdout
    assert where.startswith(str(place))
    doctor = subprocess.run([sys.executable, "-m", "ops.cli", "doctor"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
