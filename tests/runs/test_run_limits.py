"""What a run may take: memory, time, tries, jobs of one worker; and how precisely it computes."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import esegeta
from esegeta.errors import ConfigError, RunError
from esegeta.registry import find
from esegeta.runs.device import Place, require
from esegeta.runs.opening import open_config
from esegeta.runs.plan import make
from tests.runs.project import Project, odd


def execution(**given: Any) -> dict[str, Any]:
    return {"threads": 1, "devices": ["cpu"], **given}


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_job_that_takes_more_memory_than_its_worker_may_hold_is_ended(project: Project) -> None:
    config = project.config(
        [odd("grow"), "saliency"], execution=execution(worker_memory="2GB", timeout="2m")
    )
    result = esegeta.run(config, quiet=True)
    assert len(result.done) == 1
    (reason,) = result.reasons.values()
    assert "of memory, more than the 2.0 GB" in reason
    assert '"worker_memory"' in reason


@pytest.mark.slow
def test_a_job_whose_worker_died_is_begun_again_as_often_as_asked(project: Project) -> None:
    again = odd("crash once", mark=str(project.folder / "crashed"))
    config = project.config([again, odd("exit3")], execution=execution(retries=2))
    result = esegeta.run(config, quiet=True)
    assert [job.rpartition("/")[2] for job in result.done] == ["crash once"]
    told = [
        event["job"].rpartition("/")[2]
        for event in events(result.folder)
        if event["event"] == "retried"
    ]
    assert sorted(told) == ["crash once", "exit3", "exit3"]


@pytest.mark.slow
def test_a_method_that_raises_is_not_tried_again(project: Project) -> None:
    result = esegeta.run(project.config([odd("raise")], execution=execution(retries=3)), quiet=True)
    assert len(result.failed) == 1
    assert not [event for event in events(result.folder) if event["event"] == "retried"]


@pytest.mark.slow
def test_a_worker_is_replaced_after_as_many_jobs_as_asked(project: Project) -> None:
    mark = project.folder / "pids"
    methods = [{**odd("pid", mark=str(mark)), "name": f"pid{n}"} for n in range(5)]
    config = project.config(methods, execution=execution(max_jobs_per_worker=2))
    assert esegeta.run(config, quiet=True).exit_code == 0
    pids = mark.read_text().split()
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]


@pytest.mark.slow
def test_at_its_deadline_a_run_ends_and_resume_makes_the_rest(project: Project) -> None:
    mark = project.folder / "hung"
    config = project.config(
        ["saliency", odd("hang", mark=str(mark)), "smooth_grad"],
        execution=execution(deadline="15s"),
    )
    began = time.monotonic()
    result = esegeta.run(config, quiet=True)
    assert time.monotonic() - began < 30
    assert (len(result.done), len(result.failed), len(result.pending)) == (1, 0, 2)
    assert result.stopped == "its deadline of 15 s is over"
    assert result.exit_code == 1
    assert result.report is not None
    # It hung once only.
    again = esegeta.run(config, quiet=True, resume=True)
    assert (again.exit_code, len(again.done)) == (0, 3)


@pytest.mark.slow
def test_precision_is_of_the_run_or_of_the_method(project: Project) -> None:
    methods = [
        {"use": "saliency", "name": "half"},
        {"use": "saliency", "name": "full", "amp": "off"},
        {"use": "occlusion", "with": {"window": 8}},
    ]
    result = esegeta.run(project.config(methods, execution=execution(amp="bf16")), quiet=True)
    assert result.exit_code == 0
    records, maps = {}, {}
    for job in result.done:
        name = job.rpartition("/")[2]
        records[name] = json.loads((result.folder / job / "result.json").read_text())
        maps[name] = np.load(result.folder / job / "map.npy")
    assert {name: record["amp"] for name, record in records.items()} == {
        "half": "bf16",
        "full": "off",
        "occlusion": "bf16",
    }
    checked = {
        name: [c["name"] for c in record["checks"] if c["name"] == "amp error"]
        for name, record in records.items()
    }
    assert checked == {"half": ["amp error"], "full": [], "occlusion": ["amp error"]}
    assert not np.array_equal(maps["half"], maps["full"])
    assert np.corrcoef(maps["half"].ravel(), maps["full"].ravel())[0, 1] > 0.99


def test_jobs_of_one_precision_stand_together_and_share_its_pass(project: Project) -> None:
    methods = [
        "saliency",
        {"use": "saliency", "name": "half", "amp": "bf16"},
        {"use": "input_x_gradient", "amp": "bf16"},
        "smooth_grad",
    ]
    settings, registry, _ = open_config(project.config(methods), ())
    jobs = [job for _, job in make(settings, registry).jobs()]
    assert [(job.amp, job.passes.forward) for job in jobs][:2] == [("bf16", 1), ("bf16", 0)]
    assert [job.amp for job in jobs][2:] == ["off", "off"]
    assert jobs[2].passes.forward == 1


def refusal(project: Project, methods: list[Any], **given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        open_config(project.config(methods, execution=execution(**given)), ())
    return str(caught.value)


def test_mixed_precision_is_refused_where_it_is_wrong_or_endless(project: Project) -> None:
    said = refusal(project, ["captum.deep_lift"], amp="bf16")
    assert "execution.amp" in said
    assert "captum.deep_lift divides by small differences" in said
    said = refusal(project, [{"use": "captum.deep_lift", "amp": "bf16"}])
    assert "methods[0].amp" in said
    open_config(
        project.config(
            [{"use": "captum.deep_lift", "amp": "off"}], execution=execution(amp="bf16")
        ),
        (),
    )
    said = refusal(project, ["saliency"], amp="fp16")
    assert "hundreds of times slower" in said
    assert "off, fp16, bf16" in refusal(project, ["saliency"], amp="half")


def test_fp16_is_refused_where_auto_turns_out_to_be_a_cpu(project: Project) -> None:
    settings, registry, _ = open_config(project.config(["saliency"], execution={"amp": "fp16"}), ())
    plan = make(settings, registry or find())
    with pytest.raises(RunError, match="saliency: fp16 on a CPU"):
        require(plan, [Place("cuda:0"), Place("cpu")])
    require(plan, [Place("cuda:0")])
