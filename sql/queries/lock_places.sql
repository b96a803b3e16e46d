-- One at a time gives places to events, from here to the end of its transaction. No parameters.
select last from stepwell.event_place for update
