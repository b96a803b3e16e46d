-- Undoes a step.
rollback
