-- Which filter of a task a subscription is for, nobody reads: workers of the version before write it.

alter table stepwell.subscription alter column filter drop not null;
