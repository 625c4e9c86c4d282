"""From files on disk to whole batches.

Nothing is imported here: dataset workers start faster without pyannote.audio.
"""
