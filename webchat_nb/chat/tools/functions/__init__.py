"""Python functions as tools: read once, called for a model."""
