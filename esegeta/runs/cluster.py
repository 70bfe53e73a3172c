"""Ray's cluster: how a run joins it, and what a worker may have of it."""

import contextlib
import logging
import os
import re
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from esegeta import config
from esegeta.config.fields import ADDRESS, ADDRESSES
from esegeta.errors import RunError
from esegeta.runs.device import Place, places

STORE = 100_000_000
"""Bytes of shared memory for a cluster of our own; maps go to files, not through it."""

PATIENCE = 20.0
"""Seconds in which the head of a cluster must answer."""

SCRATCH = Path("/tmp")  # noqa: S108  (a folder of our own in it; sockets need a short path)


@contextlib.contextmanager
def workplaces(execution: config.Execution) -> Iterator[list[Place]]:
    """Give a place per worker: those of this machine, or those of Ray's cluster, joined meanwhile.

    Raises
    ------
    RunError
        Where a device is not there, or Ray is not, or its cluster cannot be reached.
    """
    if execution.engine == "local":
        yield places(execution)
        return
    with _joined(execution) as alone:
        yield _places_of_cluster(execution, alone=alone)


def needs(execution: config.Execution, place: Place) -> dict[str, float]:
    """Give what Ray is to set aside for a worker, as it names it."""
    wanted: dict[str, float] = {"num_cpus": place.threads or 1}
    if place.device != "cpu":
        wanted["num_gpus"] = 1 / execution.jobs_per_device
    return wanted


def fitting(wanted: dict[str, float]) -> int:
    """Count the workers that the nodes there are can hold at a time."""
    import ray

    held = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(
        int(
            min(
                node.get(name, 0) / wanted[key]
                for key, name in (("num_cpus", "CPU"), ("num_gpus", "GPU"))
                if key in wanted
            )
        )
        for node in held
    )


def in_words(wanted: dict[str, float]) -> str:
    """Say what a worker needs: ``2 CPUs and 0.5 GPUs``."""
    return " and ".join(
        f"{amount:g} {name}" + ("" if amount == 1 else "s")
        for name, amount in ((key[4:-1].upper(), value) for key, value in wanted.items())
    )


def _places_of_cluster(execution: config.Execution, *, alone: bool) -> list[Place]:
    import ray

    # A node that comes later may bring the first GPU: whoever counts on that names it.
    gpus = ray.cluster_resources().get("GPU", 0) > 0
    named = execution.devices != "auto" and execution.devices[0]
    # Ray shows a worker no GPU but its own.
    device = "cuda:0" if named == "cuda" or (not named and gpus) else "cpu"
    place = Place(device, execution.threads or 1)
    wanted = needs(execution, place)
    workers = fitting(wanted)
    if alone and not workers:
        there = ray.cluster_resources()
        raise RunError(
            f'a worker needs {in_words(wanted)} ("threads", "devices" in "execution"), and this '
            f"machine has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs"
        )
    return [place] * max(1, workers)


@contextlib.contextmanager
def _joined(execution: config.Execution) -> Iterator[bool]:
    """Join a cluster, or start one on this machine; says whether it is one of our own."""
    # It tells its makers of every cluster that is started, unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise RunError(
            f'"engine": "ray" needs Ray, which cannot be imported ({error}): '
            'pip install "esegeta[ray]"'
        ) from error
    if ray.is_initialized():  # by a program that calls esegeta; its cluster is the one to use
        yield False
        return
    address = execution.address or os.environ.get("RAY_ADDRESS") or "local"
    _reach(address)
    alone = address == "local"
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {}
        if alone:
            folder = tempfile.TemporaryDirectory(
                prefix="esegeta-ray-", dir=SCRATCH, ignore_cleanup_errors=True
            )
            options = {
                "include_dashboard": False,
                "object_store_memory": STORE,
                "_temp_dir": stack.enter_context(folder),
            }
        stack.enter_context(_own_signals())
        stack.callback(ray.shutdown)
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:
            where = "started on this machine" if alone else f"reached at {address!r}"
            raise RunError(f"Ray cannot be {where}: {error}") from error
        yield alone


def _reach(address: str) -> None:
    """Prove that something answers at an address: Ray itself would try for many minutes."""
    if not re.fullmatch(ADDRESS, address):
        raise RunError(
            f"{address!r} in $RAY_ADDRESS is no address of a cluster; valid: {ADDRESSES}"
        )
    if ":" not in address:
        return
    host, _, port = address.rpartition(":")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE):
                return
        except (OSError, OverflowError) as error:
            if time.monotonic() > until:
                message = f"no cluster of Ray can be reached at {address!r}: {error}"
                raise RunError(message) from error
            time.sleep(0.5)  # the head may be starting


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Put back what is done at a request to terminate, which Ray changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
