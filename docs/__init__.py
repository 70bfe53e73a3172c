"""The book, and what writes its generated pages."""
