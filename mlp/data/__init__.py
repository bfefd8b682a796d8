"""Data sets and what is done to them: loading, rows, preprocessing, corruption, noise labels, pictures of digits.

In: the name of a set, a file, a seed. Out: arrays of images and labels. Imports no other room of `mlp`.
"""
