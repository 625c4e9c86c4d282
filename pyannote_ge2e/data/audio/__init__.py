"""Reading audio: a stretch of any file, whatever its container."""
