"""What a tool gives: text for the model, and what a person is shown."""
