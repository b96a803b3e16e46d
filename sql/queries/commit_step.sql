-- Commits a step and its outcome.
commit
