"""Tools of the pages that show a conversation."""
