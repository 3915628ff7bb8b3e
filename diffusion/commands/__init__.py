"""The longer commands of `diffusion`, a file each. Imports happen inside: --help is quick."""
