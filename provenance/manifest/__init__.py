"""
What a manifest store says, as values; nothing here judges it.
"""
