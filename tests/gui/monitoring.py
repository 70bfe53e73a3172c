"""Run folders for the monitor's tests, as a driver would have written them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esegeta.gui.monitor.follow import Follower
from esegeta.gui.monitor.rows import Row, Seen

NOW, STEADY = 5000.0, 100.0


def line(event: str, job: str | None = None, when: float = 1000.0, **facts: Any) -> bytes:
    told = {"time": when, "event": event, "job": job, **facts}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


class Folder:
    """A run folder with a plan."""

    def __init__(self, root: Path, methods: int = 4, images: int = 1) -> None:
        self.root = root
        self.ids = [f"i{i}/net/dog/method_{m}" for i in range(images) for m in range(methods)]
        root.mkdir(parents=True, exist_ok=True)
        self.plan(self.ids)

    def plan(self, ids: list[str], fingerprint: str = "now") -> None:
        jobs = [
            {"id": i, "fingerprint": fingerprint, "passes": {"forward": 8, "backward": 2}}
            for i in ids
        ]
        plan = {"version": 1, "name": "written", "groups": [{"jobs": jobs}]}
        unfinished = self.root / ".1-plan.json"
        unfinished.write_text(json.dumps(plan))
        unfinished.replace(self.root / "plan.json")

    def add(self, *lines: bytes) -> None:
        with (self.root / "events.jsonl").open("ab") as file:
            file.write(b"".join(lines))

    def starts(self, *asked: str) -> None:
        jobs = asked or self.ids
        self.add(line("run_started", pid=1), *(line("queued", job) for job in jobs))

    def result(self, job: str, state: str, fingerprint: str = "now", **facts: Any) -> None:
        folder = self.root / job
        folder.mkdir(parents=True, exist_ok=True)
        told = {"state": state, "fingerprint": fingerprint, **facts}
        (folder / "result.json").write_text(json.dumps(told))


class Looking:
    """A follower with clocks that stand still, and all that it has seen."""

    def __init__(self, root: Path) -> None:
        self.now, self.steady = NOW, STEADY
        self.follower = Follower(root, lambda: self.now, lambda: self.steady)
        self.rows: dict[str, Row] = {}

    def look(self) -> Seen:
        while True:
            seen = self.follower.look()
            if seen.ids is not None:
                self.rows = {job: self.rows[job] for job in seen.ids if job in self.rows}
            self.rows.update({row.id: row for row in seen.rows})
            if not seen.more:
                return seen

    def states(self) -> list[str]:
        self.look()
        return [row.state for row in sorted(self.rows.values(), key=lambda row: row.index)]
