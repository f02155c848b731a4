"""公文签批: the smallest procedure, a whole one."""
