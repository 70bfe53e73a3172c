"""A view-model per page: what it shows and what its edits do to the config; no Qt."""
