-- Leaves nothing of one step's session to the next.
discard all
