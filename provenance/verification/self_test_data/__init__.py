"""
Images and the trust profile of the self-test, as package data.
"""
