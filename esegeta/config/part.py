"""What the parts of a config have in common."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from esegeta.config.fields import as_name

Axes = Literal["HW", "HWC", "CHW", "DHW", "CDHW", "DHWC"]
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """A part of the config: unknown keys and other JSON types are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, protected_namespaces=(), allow_inf_nan=False
    )


class Use(Part):
    """An entry that uses a plug-in; a plain text is the plug-in's name alone."""

    _kind: ClassVar[str]
    _plain: bool = PrivateAttr(False)

    @property
    def plain(self) -> bool:
        """Whether it was written as a text; then its path in the file has no ``.use``."""
        return self._plain

    @model_validator(mode="wrap")
    @classmethod
    def _normalised(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        """Take a text for ``{"use": text}``, and name the entry after what it uses."""
        plain = isinstance(data, str)
        if plain:
            data = {"use": data}
        if isinstance(data, dict) and "name" not in data:
            use = data.get("use")
            data = {"name": as_name(use if isinstance(use, str) else "", cls._kind), **data}
        entry = handler(data)
        entry._plain = plain
        return entry

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        return self.use if self._plain else handler(self)  # type: ignore[attr-defined]
