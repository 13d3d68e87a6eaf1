"""
The way to the image API: connections, and what carries a call's effects out.
"""
