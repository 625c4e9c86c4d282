"""What training chunks go through so that a network does not learn the channel."""
