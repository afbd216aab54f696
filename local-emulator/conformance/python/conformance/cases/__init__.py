"""A module an area of the API; the functions marked with `case` are found by themselves."""
