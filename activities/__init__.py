"""The verbs that touch the outside, a module an outside thing."""
