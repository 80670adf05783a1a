"""The chat on top of the stream: profiles, plans, runs, plugins."""
