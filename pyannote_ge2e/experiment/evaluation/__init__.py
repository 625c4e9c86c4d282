"""What `emb evaluate` is made of.

What is evaluated: `model`, `trials` and `cohort`, together a `setting`. What is done with it:
`embed_once`, by the `embedding_cache`, then `scores`. What is said of it: `facts` and `remarks`;
and what is left on disk: `files`.
"""
