"""Lists that name recordings: Kaldi's, tables, and lines `path speaker -1`."""
