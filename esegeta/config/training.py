"""What is trained before it explains: the training, and the data it learns from."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from esegeta.config.fields import Factory, FilePath, Name
from esegeta.config.part import Axes, Part, Text, Use

WEIGHTS = "weights.safetensors"
"""The file of an artifact that holds what was learnt."""

Count = Annotated[int, Field(ge=1)]


class Data(Part):
    """Many images of one shape, with their classes where these are known."""

    path: FilePath | None = Field(
        default=None, description="An npz or npy file of many images, or a glob of image files"
    )
    factory: Factory | None = Field(
        default=None,
        description="A function that gives the images, an array (N, …), or (images, labels)",
    )
    arguments: dict[str, Any] = Field(default={}, description="The function's arguments")
    key: Text | None = Field(default=None, description="Which array of an npz file")
    labels: Text | None = Field(
        default=None,
        description="Where the classes stand: a key of the npz file, or 'folder', where each file's "
        "folder has its class's name",
    )
    axes: Axes | None = Field(
        default=None, description="Order of an image's axes (npy, npz and a factory's array)"
    )


class Training(Use):
    """Something to be learnt before it explains, or a model that explains itself."""

    _kind = "training"
    use: Text = Field(description="The training's name: that of the method that reads it")
    with_: dict[str, Any] = Field(default={}, alias="with", description="Its parameters")
    model: Text | None = Field(
        default=None, description="The model, by name; where there is one alone, that one"
    )
    data: Data = Field(description="What it learns from")
    validation: Data | None = Field(
        default=None, description="What it is measured on after each epoch; never learnt from"
    )
    epochs: Count = Field(default=10, description="How often it sees all the data")
    batch: Count = Field(default=32, description="Images per step")
    patience: Count | None = Field(
        default=None,
        description="Epochs without a lower loss on the validation data after which it ends; the best "
        "epoch's weights are kept",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = Field(
        default=None, description="Of everything random, in place of the run's"
    )
    base: FilePath | None = Field(
        default=None,
        description="The folder of the training it builds on; by default that of this config's",
    )
    start: FilePath | None = Field(
        default=None, description="Weights to begin with: safetensors, .pt or .pth"
    )
    name: Name = Field(description="By default the training's name")
    output: FilePath = Field(
        default_factory=lambda data: Path.cwd() / "artifacts" / data.get("name", "training"),
        description="The folder to write to; by default artifacts/NAME where the command is given",
    )

    @property
    def weights(self) -> Path:
        """The file that will hold what is learnt."""
        return self.output / WEIGHTS
