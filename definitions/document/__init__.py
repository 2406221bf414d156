"""The definition document `accord.definition/1`: its values, its fields and operators, its parser. Pure."""
