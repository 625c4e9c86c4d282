"""What training chunks go through so that a network does not learn the channel.

A transform a file; `augmenter` runs them on a batch. Nothing is imported here: dataset workers
that augment nothing start faster.
"""
