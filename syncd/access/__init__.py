"""Questions about access and their answers: who may do what, why, why not, and what other mapping files would change.

Everything is answered from what sources said and what was seen of deployments last; nobody is asked anything. Everything here is
pure: what is known, and the time, are passed in.
"""
