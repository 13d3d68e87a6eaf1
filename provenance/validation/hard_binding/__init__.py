"""
Which bytes of an asset its hard binding leaves open to change.
"""
