-- Only a number: more follows from a log than before (C-9, C-21, C-34), so `migrate` rebuilds what is made from it.
select;
