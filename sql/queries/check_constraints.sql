-- Lets deferred constraints speak while the step can still fail.
set constraints all immediate
