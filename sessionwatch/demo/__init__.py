"""The demo: everything real and on this machine, from a login to a stolen session taken away."""
