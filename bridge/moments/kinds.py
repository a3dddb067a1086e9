"""Kinds of copies and sources that moments have."""

MOMENT, WHOLE, COMMENT, LIKES = "moment", "moment-whole", "comment", "likes"
"""Kinds of copies: of a moment in a list, of one with all its comments, of a comment, of gathered likes."""
VOTES = "votes"
"""Kind of the copies that tell an author who has voted."""
MOMENT_COPIES = (MOMENT, WHOLE)
"""Of these, the ones that show a moment's text, and what was said about it."""
OTHER_PICTURES = tuple(f"moment-picture-{n}" for n in range(2, 10))
"""Kinds of the copies of a moment's second picture, its third, and so on; the moment's own copy has the first."""
MENTION = "moment-mention"
"""Kind of the copies that tell somebody that a moment mentions them."""
PLACE = "moment-place"
"""Kind of the copies that show where it was, on a map."""
ALL_COPIES = (*MOMENT_COPIES, *OTHER_PICTURES, MENTION, PLACE)
"""All that shows one moment, and goes when somebody loses sight of it."""
PAGE = "moment-page"
"""Kind of the copies of pages that show several moments in short; the subject is the page, which goes with each."""
SHOWN = (*MOMENT_COPIES, PAGE)
"""What shows a moment's text, and what was said about it or how much."""
EVERY = (*ALL_COPIES, PAGE)
LIKE = "like"
"""Kind of the sources of likes; the subject is the moment, the person is whose event it is."""
VOTE = "vote"
"""Kind of the sources of votes; the subject is the moment, the person is whose event it is."""
VIEWED = "moment-viewed"
"""Kind of the copies of one's own moments that `view as` shows: nothing but deletion concerns them."""
DIGEST = "digest"
"""Kind of the copies that tell, once a day, how much is new; the subject is the reader."""
UNASKED = (MOMENT, *OTHER_PICTURES, MENTION, COMMENT, LIKES, VOTES, DIGEST)
"""What comes unasked, and waits while somebody has quiet hours."""
