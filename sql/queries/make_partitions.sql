-- Makes the partitions of the next weeks. No parameters; one row without meaning.
select stepwell.make_partitions()
