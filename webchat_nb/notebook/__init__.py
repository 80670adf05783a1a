"""The notebook's side: the widget and the magics."""
