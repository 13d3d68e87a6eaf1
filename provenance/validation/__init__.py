"""
Whether what a manifest store says holds: two validators that never import each other.
"""
