"""What `emb train`, `validate` and `apply` do: configuration, files on disk, the trainer."""
