"""How a run is carried out: devices, time, memory."""

from typing import Annotated, Literal

from pydantic import Field

from esegeta.config.fields import Amp, ClusterAddress, Devices, Duration, Memory
from esegeta.config.part import Part

Engine = Literal["local", "ray"]
LogLevel = Literal["debug", "info", "warning"]


class Execution(Part):
    """How the run is carried out."""

    engine: Engine = Field(
        default="local",
        description="'local' (worker processes of this machine) or 'ray' (a cluster)",
    )
    address: ClusterAddress | None = Field(
        default=None,
        description="Of Ray's cluster: 'host:port', 'auto' or 'local' (Ray on this machine alone); by "
        "default $RAY_ADDRESS, or else 'local'",
    )
    devices: Devices = Field(
        default="auto",
        description="'auto' (every CUDA device, or the CPU) or a list; one worker process for each. "
        "With Ray 'auto', ['cpu'] or ['cuda']",
    )
    jobs_per_device: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Worker processes per device"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="Of everything random"
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="CPU threads of all workers together; by default PyTorch's choice. With Ray of "
        "each worker; by default 1",
    )
    memory: Memory | None = Field(
        default=None, description="Memory for batches, such as '8GB' or '2GiB'; bytes once read"
    )
    timeout: Duration | None = Field(
        default=None, description="How long a job may take, such as '90s', '10m' or '2h'"
    )
    deadline: Duration | None = Field(
        default=None,
        description="How long the whole run may take; what is not done by then is left to --resume",
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="How often a job is begun again whose worker process died"
    )
    worker_memory: Memory | None = Field(
        default=None,
        description="Memory that a worker process and what it started may hold; at more it is ended",
    )
    max_jobs_per_worker: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Jobs after which a worker process is replaced by a fresh one"
    )
    log: LogLevel = Field(
        default="info", description="The least that run.log and the jobs' logs tell"
    )
    amp: Amp = Field(
        default="off",
        description="Automatic mixed precision: 'fp16' (GPUs only) or 'bf16'; parameters stay float32",
    )
