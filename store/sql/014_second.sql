-- Only a number: what waits for a second person keeps more than before (C-35, G-19), so `migrate` rebuilds.
select;
