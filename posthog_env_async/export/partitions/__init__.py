"""One listing cut into ranges that workers read, and their files joined again."""
