"""
The settings of the service: what they are, where they come from, what is allowed.
"""
