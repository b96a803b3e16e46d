-- Owners that no worker's row stands for any more (a claim that committed after its worker was
-- forgotten). Returns at most 10 ids.
select distinct l.owner from stepwell.lease l
where l.owner is not null and not exists (select from stepwell.worker w where w.id = l.owner)
limit 10
