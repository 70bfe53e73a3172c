"""A made-up run folder: done, flagged, failed, pending, and names that look like markup."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NASTY = """<script>alert("x")</script>'"&<img src=x onerror=alert(1)>"""


def job(prefix, method, layer=None, **more):
    identity = f"{prefix}/{method}" + (f"@{layer}" if layer else "")
    record = {
        "id": identity,
        "method": method,
        "use": method,
        "layer": layer,
        "parameters": {"steps": 32},
        "passes": {"forward": 33, "backward": 32},
        "fingerprint": f"f-{identity}",
    }
    return {**record, **more}


def result(plan, state="done", **more):
    record = {
        "version": 1,
        "state": state,
        "fingerprint": plan["fingerprint"],
        "job": {"method": plan["method"], "layer": plan["layer"]},
        "summary": "What moves the score.",
        "paper": "Someone et al., 2017",
        "parameters": plan["parameters"],
        "target": {
            "class": "brain",
            "index": 1,
            "score": -123.4,
            "wrapper": "pixelwise",
            "mask": "predicted",
        },
        "checks": [
            {"name": "finite", "value": 0, "passed": True, "limit": 0},
            {"name": "completeness", "value": 0.003, "passed": True, "limit": 0.1},
        ],
        "passes": {"forward": 33, "backward": 32},
        "seconds": 0.81,
        "memory": 2.5e9,
        "range": [-0.2, 1.3],
        "notes": {},
        "files": {"map": "map.nii.gz", "overlay": "overlay.png"},
        "error": None,
    }
    return {**record, **more}


def put(run, plan, record, size=(64, 48)):
    folder = run / plan["id"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "overlay.png")
    return folder


def write_plan(run: Path, groups, name="brain run"):
    (run / "config.json").write_text(json.dumps({"version": 1, "execution": {"seed": 7}}))
    plan = {"version": 1, "name": name, "groups": groups}
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")


def group(image, jobs, model="unet", target="brain"):
    return {"image": image, "model": model, "target": target, "jobs": jobs}


@pytest.fixture
def run(tmp_path):
    """One image with a done, a flagged, a failed and a pending job."""
    prefix = "t1/unet/brain"
    plans = [
        job(prefix, "saliency"),
        job(prefix, "integrated_gradients"),
        job(prefix, "grad_cam", "enc.1"),
        job(prefix, "rise"),
    ]
    write_plan(tmp_path, [group("t1", plans)])
    put(tmp_path, plans[0], result(plans[0]))
    bad = [{"name": "completeness", "value": 0.31, "passed": False, "limit": 0.1}]
    put(tmp_path, plans[1], result(plans[1], checks=bad))
    error = {"kind": "TargetError", "message": "no brain here", "traceback": "Traceback: line 7"}
    put(tmp_path, plans[2], result(plans[2], "failed", error=error))
    events = [
        {
            "time": 1.7e9,
            "event": "run_started",
            "job": None,
            "device": "cuda:0",
            "versions": {"torch": "2.13.0"},
        },
        {"time": 1.7e9 + 83, "event": "failed", "job": plans[2]["id"]},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events) + '{"torn')
    return tmp_path
