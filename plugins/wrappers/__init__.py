"""From a model's output to class scores."""
