"""
An image's bytes as received, and where in them a manifest store lies.
"""
