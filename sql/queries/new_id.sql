-- A fresh run id by the database's clock. No parameters; one row: id uuid.
select stepwell.new_id()
