# The end of an account, and what one keeps of one's comments.

help-account-delete = deletes your account and everything of yours
    .details = It shows what goes and gives you a code to type: `account delete CODE`. Then you have some days in which `account keep` takes it back.
help-account-keep = takes back that your account is to be deleted
    .details = For as long as its time has not come.
alias-account-delete = delete my account, delete account
alias-account-keep = keep my account, keep account

erasure-head = **The end of your account.** This goes, for good:
erasure-moments = { $count ->
    [one] one moment
   *[other] { $count } moments
}
erasure-pictures = { $count ->
    [one] one picture: its key, without which nobody can open the file
   *[other] { $count } pictures: their keys, without which nobody can open the files
}
erasure-comments = { $count ->
    [one] one comment
   *[other] { $count } comments
}
erasure-likes = { $count ->
    [one] one like
   *[other] { $count } likes
}
erasure-votes = { $count ->
    [one] one vote
   *[other] { $count } votes
}
erasure-drafts = { $count ->
    [one] one draft
   *[other] { $count } drafts
}
erasure-kept-comments = { $count ->
    [one] one copy of a comment, kept for you
   *[other] { $count } copies of comments, kept for you
}
erasure-messages = { $count ->
    [one] one message of mine to you
   *[other] { $count } messages of mine to you
}
erasure-log = { $count ->
    [one] one entry of your log
   *[other] { $count } entries of your log
}
erasure-friends = { $count ->
    [one] one friendship
   *[other] { $count } friendships
}
erasure-requests = { $count ->
    [one] one friend request of yours
   *[other] { $count } friend requests of yours
}
erasure-profile = { $count ->
    [one] one line of your profile
   *[other] { $count } lines of your profile
}
erasure-tags = { $count ->
    [one] one tag
   *[other] { $count } tags
}
erasure-remarks = { $count ->
    [one] what you noted about one person
   *[other] what you noted about { $count } people
}
erasure-invites = { $count ->
    [one] one invite code
   *[other] { $count } invite codes
}
erasure-programs = { $count ->
    [one] what one mini-program knows of you
   *[other] what { $count } mini-programs know of you
}
erasure-values = { $count ->
    [one] one value that a mini-program keeps for you
   *[other] { $count } values that mini-programs keep for you
}
erasure-grants = { $count ->
    [one] one decision about what a mini-program may know
   *[other] { $count } decisions about what mini-programs may know
}
erasure-nothing = nothing but that you are here
erasure-what = What others wrote under your moments goes with them. I take back what I sent your friends of yours, and what I said here, destroy the key under which everything of yours is sealed, give you a receipt, and leave this chat.
erasure-stays = What others copied or saw, I can't take back. Mini-programs that you used are told that somebody has left, and not who; what they keep for all of their users together is theirs to clear. Homeservers keep encrypted events that nobody can open, and when and how much we talked.
erasure-when = Until { $time } nothing would change, neither for you nor for others, and you could take it back with `account keep`.
erasure-code = If you want it, type within 30 minutes: `account delete { $code }`
erasure-confirmed = Your account ends on { $time }. Until then nothing changes, neither for you nor for others, and you can go on as before. `account keep` takes it back.
erasure-decided = Your account ends on { $time } already. `account keep` takes it back. Nothing was changed.
erasure-begun = Your account ends now. Nothing was changed.
erasure-kept = Your account stays, and everything is as it was.
erasure-no-code = You have no code yet: `account delete` shows what would go, and gives you one. Nothing was changed.
erasure-code-over = That code is no longer valid; `account delete` gives you a new one. Nothing was changed.
erasure-wrong-code = That is not the code. Nothing was changed.
erasure-nothing-to-keep = Your account is not going to be deleted. Nothing was changed.
erasure-done = **Your account was erased on { $time }.** Gone, with the key that it was sealed under:
erasure-digest = Receipt: { $digest }
erasure-canonical = It is the SHA-256 of this line, which I do not keep: `{ $text }`
erasure-goodbye = Thank you for having been here. I leave this chat now; who opens a new one with me begins as a stranger.

## Break-glass
operator-opened = Whoever runs this bot has looked at this of yours: { $what }. The reason that they gave: “{ $reason }”. It is entry { $number } of the bot's ledger ({ $hash }); `log` shows it too.
log-operator = { $time }: whoever runs this bot looked at { $what }, because: “{ $reason }” (entry { $number } of the ledger).

## Retention
retention-inactive = You have not said anything to me for long. Accounts that nobody uses are deleted here: yours on { $time }, with everything of yours. Say anything to me before, and it stays.

## Copies of comments
help-comments = shows the comments that are kept for you
    .details = With `privacy set keep-comments on`, what you write under others' moments is also kept for you alone: the comment itself goes when the moment goes.
alias-comments = my comments
kept-comments-head = **What you wrote under moments of others**
kept-comment = { $time }: { $text }
kept-comments-none = None of your comments is kept for you.
kept-comments-on = What you write from now on is kept, whatever becomes of the moment. `privacy set keep-comments off` ends it and deletes these copies.
kept-comments-off = `privacy set keep-comments on` keeps for you what you write from then on, whatever becomes of the moment.
privacy-keep-comments-on = What you write under others' moments is also kept for you: `comments`.
privacy-keep-comments-off = What you write under others' moments goes when the moment goes.

erasure-told-head = Servers of mini-programs kept something of you, and are told to delete it:
erasure-told-deleted = { $title } ({ $host }): has signed that it was deleted, { $time }
erasure-told-told = { $title } ({ $host }): was told and has confirmed it, { $time }
erasure-told-pending-dm = { $title } ({ $host }): has not confirmed it yet; it is told again until { $time }
erasure-told-pending-room = { $title } ({ $host }): is told of one of your rooms within the next days, apart from all else, so that it can't match that with you; until { $time }
