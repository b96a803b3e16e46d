-- What a worker has to end that nobody else will. $1 own worker uuid. Returns at most 10 owners that
-- no worker's row stands for any more (a claim that committed after its worker was forgotten), and
-- all processes for suspects that are entered as its own: id, whether it is such a process.
(select distinct l.owner, false from stepwell.lease l
where l.owner is not null and not exists (select from stepwell.worker w where w.id = l.owner)
limit 10)
union all
select w.id, true from stepwell.worker w where w.parent = $1::uuid
