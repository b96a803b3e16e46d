-- Hears the hints of those who started a run.
listen stepwell
