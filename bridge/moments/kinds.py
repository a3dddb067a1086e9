"""Kinds of copies and sources that moments have."""

MOMENT, WHOLE, COMMENT, LIKES = "moment", "moment-whole", "comment", "likes"
"""Kinds of copies: of a moment in a list, of one with all its comments, of a comment, of gathered likes."""
MOMENT_COPIES = (MOMENT, WHOLE)
LIKE = "like"
"""Kind of the sources of likes; the subject is the moment, the person is whose event it is."""
VIEWED = "moment-viewed"
"""Kind of the copies of one's own moments that `view as` shows: nothing but deletion concerns them."""
