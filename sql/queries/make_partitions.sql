-- Makes the partitions of the coming weeks where they are missing.
select stepwell.make_partitions()
