-- Cursors that would outlive the transaction are not evaluated when it commits. No parameters, no rows.
close all
