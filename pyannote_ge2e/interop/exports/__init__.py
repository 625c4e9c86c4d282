"""Models out: to files that other programs read, each checked against the model it came from."""
