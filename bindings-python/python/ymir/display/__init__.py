"""How notebooks show YMIR's objects; imported when one does."""
