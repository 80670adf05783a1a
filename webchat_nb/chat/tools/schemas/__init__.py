"""JSON Schemas, and what has to fit them."""
