"""A small class of widgets per page, over its view-model."""
