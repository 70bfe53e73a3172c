"""A job that takes too long costs itself alone."""

import json
import sys
import time

import pytest

import esegeta
from esegeta.runs.folder import RunFolder
from tests.runs.project import Project, odd
from tests.runs.test_run_killed import gone_within


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", ["hang", "hang in C"])
def test_a_job_that_hangs_times_out_and_the_rest_of_its_group_goes_on(
    project: Project, how: str
) -> None:
    mark = project.folder / "hung"
    hanging = odd(how, mark=str(mark)) | {"timeout": "1.5s"}
    config = project.config([hanging, "saliency", {"use": "rise", "with": {"masks": 20}}])
    began = time.monotonic()
    result = esegeta.run(config, quiet=True)
    assert time.monotonic() - began < 40
    assert result.exit_code == 1
    assert len(result.done) == 2
    (job,) = result.failed
    assert "took longer than 1.5 s" in result.reasons[job]
    record = json.loads((result.folder / job / "result.json").read_text())
    assert (record["state"], record["error"]["kind"]) == ("timed out", "TimedOut")
    log = (result.folder / job / "job.log").read_text()
    assert "Timeout" in log
    assert "odd" in log  # the stack names the plug-in's own function
    assert gone_within(int(mark.read_text()), 3)  # and what the method had started
    folder = RunFolder(result.folder)
    assert folder.state(job, record["fingerprint"]) == "timed out"
    events = [
        json.loads(line) for line in (result.folder / "events.jsonl").read_text().splitlines()
    ]
    assert [e["event"] for e in events if e["job"] == job][-1] == "timed_out"
    assert "timed out" in result.report.read_text()


@pytest.mark.slow
def test_the_time_counts_from_the_jobs_start_not_from_that_of_the_worker(project: Project) -> None:
    plugin = project.folder / "plugins" / "odd.py"
    slow = "\nif os.environ.get('ESEGETA_WORKER') == str(os.getpid()):\n    time.sleep(6)\n"
    plugin.write_text(plugin.read_text() + slow)
    config = project.config(["saliency"], execution={"timeout": "5s"})
    began = time.monotonic()
    assert esegeta.run(config, quiet=True).exit_code == 0
    assert time.monotonic() - began > 6


def test_a_methods_own_timeout_comes_before_the_runs(project: Project) -> None:
    from esegeta.runs.opening import open_config
    from esegeta.runs.plan import make

    methods = ["saliency", {"use": "rise", "timeout": "2h"}, {"use": "occlusion", "timeout": 30}]
    config = project.config(methods, execution={"timeout": "10m"})
    settings, registry, _ = open_config(config, ())
    assert {job.method: job.timeout for _, job in make(settings, registry).jobs()} == {
        "saliency": 600,
        "rise": 7200,
        "occlusion": 30,
    }
