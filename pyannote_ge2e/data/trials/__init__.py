"""What verification compares: pairs of files, and the windows their embeddings are made of."""
