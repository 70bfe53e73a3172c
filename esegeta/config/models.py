"""The JSON file as typed models; every key's description is its documentation."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from esegeta.config.execution import Execution
from esegeta.config.fields import (
    Amp,
    BatchSize,
    ClassName,
    ClassNames,
    Contrast,
    Duration,
    Factory,
    FilePath,
    Mask,
    Name,
    OutputKey,
    Overlap,
    Sides,
    Version,
    as_name,
    stem,
    wrong,
)
from esegeta.config.part import Axes, Part, Text, Use
from esegeta.config.training import Training

Task = Literal["classification", "segmentation"]
DEFAULT_WRAPPER: dict[str, str] = {"classification": "classification", "segmentation": "pixelwise"}


class Step(Part):
    """One step of preprocessing."""

    use: Text = Field(description="A torchio transform by name, or ChannelNormalization")
    with_: dict[str, Any] = Field(default={}, alias="with", description="Its arguments")


class Patches(Part):
    """How an image larger than the network takes is cut; what patches return is blended."""

    size: Sides = Field(description="Voxels per side of a patch, one number or one per axis")
    overlap: Overlap | None = Field(
        default=None,
        description="Voxels that neighbours share, one number or one per axis; by default a quarter "
        "of the size",
    )
    blend: Literal["hann", "average", "crop"] = Field(
        default="hann",
        description="Where patches overlap: weighted by a Hann window, by equal weights, or each cut "
        "in the middle",
    )
    batch: BatchSize = Field(
        default="auto", description="Patches that pass at once; 'auto': as many as memory takes"
    )

    @model_validator(mode="after")
    def _fits(self) -> "Patches":
        sizes, overlaps = self.size, self.overlap
        if overlaps is None:
            return self
        pairs = [
            (size, overlap)
            for size in (sizes if isinstance(sizes, list) else [sizes])
            for overlap in (overlaps if isinstance(overlaps, list) else [overlaps])
        ]
        if isinstance(sizes, list) and isinstance(overlaps, list):
            if len(sizes) != len(overlaps):
                raise wrong(
                    "size and overlap have different numbers of axes", "one number per axis in both"
                )
            pairs = list(zip(sizes, overlaps, strict=True))
        if any(overlap >= size for size, overlap in pairs):
            raise wrong("patches overlap by their whole size", "an overlap below the size")
        return self


class Target(Part):
    """What is to be explained; a model's or a method's own changes only the keys it has."""

    class_: ClassName = Field(
        default="predicted", alias="class", description="A class by name or number, or 'predicted'"
    )
    wrapper: Text | None = Field(
        default=None,
        description="Turns the model's output into class scores; by default classification, "
        "or pixelwise for segmentation",
    )
    mask: Mask = Field(
        default="predicted", description="Which pixels or voxels count, in segmentation"
    )
    with_: dict[str, Any] = Field(default={}, alias="with", description="The wrapper's parameters")
    contrast: Contrast = Field(
        default="none",
        description="What of the other classes the class is held against: nothing (its logit), their "
        "mean, the largest, or all by their weight (its log-odds); or its probability",
    )
    patches: Patches | None = Field(
        default=None,
        description="Patches in which the image passes, in place of the model's (segmentation)",
    )

    @model_serializer(mode="wrap")
    def _only_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write only what was given: a default, written out, would change what is inherited."""
        given = {type(self).model_fields[n].alias or n for n in self.model_fields_set}
        return {key: value for key, value in handler(self).items() if key in given}


class Model(Part):
    """A network, from a factory and weights, or from one file that holds both."""

    name: Name = Field(description="By default the factory's or the file's name")
    factory: Factory | None = Field(
        default=None, description="Class or function: file.py:Class or package.module:callable"
    )
    file: FilePath | None = Field(
        default=None, description="TorchScript (.pt) or torch.export (.pt2)"
    )
    arguments: dict[str, Any] = Field(default={}, description="The factory's arguments")
    weights: FilePath | None = Field(default=None, description="Weights: safetensors, .pt or .pth")
    trust: bool = Field(
        default=False, description="Whether weights may be a pickle, which can run code"
    )
    task: Task = Field(description="What the network does")
    classes: ClassNames = Field(
        default=[],
        description="Class names in the order of the output, or a text file of one per line",
    )
    output: OutputKey | None = Field(
        default=None, description="Where the output is, when the network returns a dict or a tuple"
    )
    preprocess: list[Step] | None = Field(
        default=None, description="Preprocessing of its own, in place of the config's"
    )
    target: Target | None = Field(default=None, description="Changes to the config's target")
    patches: Patches | None = Field(
        default=None, description="Patches in which it takes an image, if not whole (segmentation)"
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" not in data:
            factory, file = data.get("factory"), data.get("file")
            found = factory.rpartition(":")[2] if isinstance(factory, str) else ""
            found = stem(Path(file)) if isinstance(file, str) and not found else found
            return {"name": as_name(found, "model"), **data}
        return data


class Image(Part):
    """An image, or the images that a glob finds."""

    name: Name | None = Field(
        default=None, description="By default the file's name without its ending"
    )
    path: FilePath | None = Field(default=None, description="A file, a DICOM folder, or a glob")
    factory: Factory | None = Field(default=None, description="A function that makes the image")
    arguments: dict[str, Any] = Field(default={}, description="The function's arguments")
    label: FilePath | None = Field(default=None, description="Label map on the same grid")
    axes: Axes | None = Field(default=None, description="Order of the axes (npy and npz only)")
    key: Text | None = Field(default=None, description="Which array of an npz file")
    index: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Which image along the first axis (npy and npz only)"
    )
    models: list[Text] | None = Field(
        default=None, min_length=1, description="The models it is for, by name; by default all"
    )


class Method(Use):
    """A method, with its parameters and where it applies; a plain text is its name alone."""

    _kind = "method"
    use: Text = Field(description="The method's name")
    with_: dict[str, Any] = Field(default={}, alias="with", description="Its parameters")
    layers: list[Text] = Field(
        default=[],
        description='Layers by name (esegeta layers lists them) or pattern ("decoder.*"), or "auto"',
    )
    target: Target | None = Field(
        default=None, description="Changes to the model's and config's target"
    )
    models: list[Text] | None = Field(
        default=None, min_length=1, description="The models it is for, by name; by default all"
    )
    timeout: Duration | None = Field(
        default=None, description="How long it may take, in place of the run's"
    )
    amp: Amp | None = Field(default=None, description="Its precision, in place of the run's")
    artifact: FilePath | None = Field(
        default=None,
        description="For what is trained: the folder that esegeta train wrote; by default that of this "
        "config's training of the same name",
    )
    name: Name = Field(description="By default the method's name")


class Metric(Use):
    """A metric that judges every map of some methods; a plain text is its name alone."""

    _kind = "metric"
    use: Text = Field(description="The metric's name")
    with_: dict[str, Any] = Field(default={}, alias="with", description="Its parameters")
    methods: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="The methods whose maps it judges, by their names here; by default all",
    )
    timeout: Duration | None = Field(
        default=None, description="How long it may take for one map, in place of the run's"
    )
    name: Name = Field(description="By default the metric's name")


class Config(Part):
    """A whole config, version 1."""

    version: Version = Field(default=1, description="Version of this format")
    name: Name = Field(description="The run's name; by default the file's")
    models: list[Model] = Field(min_length=1, description="The networks")
    images: list[Image] = Field(min_length=1, description="The images")
    preprocess: list[Step] = Field(
        default=[], description="Applied to each image before a model sees it"
    )
    target: Target = Field(default_factory=Target, description="What is to be explained")
    methods: list[Method] = Field(min_length=1, description="The methods")
    evaluate: list[Metric] = Field(
        default=[], description="The metrics that say how far to trust the maps"
    )
    train: list[Training] = Field(
        default=[], description="What esegeta train makes, before a run can explain with it"
    )
    execution: Execution = Field(default_factory=Execution, description="How it is carried out")
    output: FilePath = Field(
        default_factory=lambda data: Path.cwd() / "runs" / data.get("name", "run"),
        description="The run folder; by default runs/NAME where the command is given",
    )
    plugins: list[FilePath] = Field(default=[], description="More folders of plug-ins")
    references: list[FilePath] = Field(default=[], description="Other images, as paths or globs")
    schema_: str | None = Field(
        default=None, alias="$schema", description="For your editor; not read"
    )
    _base: Path = PrivateAttr(default_factory=Path)

    @property
    def base(self) -> Path:
        """The folder of the config file, which relative paths are relative to."""
        return self._base
