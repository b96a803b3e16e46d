-- Stores an event from outside. $1 event text (JSON). Returns whether it is new.
select stepwell.emit($1::text::json)
