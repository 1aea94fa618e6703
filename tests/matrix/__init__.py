"""`make matrix`: the product on real servers of every release that it promises, and the stand-ins beside them.

A row is a release with its surroundings, a part is what is done on its server: the numbered story, acting as people of each
level, questions. What came of it is kept in `.matrix`, so a run that was ended goes on where it was.
"""
