-- Only a number: more follows from a log than before (C-35), so `migrate` rebuilds what is made from it.
select;
