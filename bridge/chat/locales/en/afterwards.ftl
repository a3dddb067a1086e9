# Moments: what happens to them after they were posted.

## Audience
audience-changed = #{ $number } is for { $audience } now: { $count ->
    [0] nobody for now
    [one] one friend
   *[other] { $count } friends
}.
audience-lost = { $count ->
    [one] One friend can't see it any more. Up to one copy is being taken back, wherever it was shown.
   *[other] { $count } friends can't see it any more. Up to { $count } copies are being taken back, each wherever it was shown.
}
audience-strangers-lost = Strangers can't see it any more. Up to one copy is being taken back from each who looked.
audience-same = #{ $number } is for { $audience } already.
audience-ask = If #{ $number } is for { $audience }, { $count ->
    [one] one more friend sees it: { $people }
   *[other] { $count } more friends see it: { $people }
}. Shall it be?
audience-ask-nobody = If #{ $number } is for { $audience }, nobody more sees it for now, but others may later. Shall it be?
audience-ask-yes = 1 — yes
audience-ask-no = 2 — no
audience-kept = #{ $number } is for { $audience }, as it was.
audience-strangers-too = Strangers who look see it too.
audience-strangers-off = Strangers see nothing of yours, unless you let them: `privacy set strangers on`.
audience-tag-gone = A tag in that audience is gone meanwhile, so nothing is changed. Say the audience again.

## Expiry
moment-until = Until { $time }
moment-damaged-change = That moment is damaged, so nothing is changed. You can delete it.
expire-done = #{ $number } is there until { $time }. Then it is gone everywhere, and its key is destroyed.
expire-never = #{ $number } stays until you delete it.
expire-when = When should it end? Write it like this: `24h`, `7d`, `2026-12-24`, `2026-12-24 18:00`, or `never`. Nothing was changed.
expire-too-soon = It can't end so soon; a minute from now is the earliest. `delete` ends it at once.
expire-too-far = That is too far ahead; ten years are the most. Nothing was changed.

## Help
help-edit = changes the text of one of your moments
    .details = `edit 3 Hello from the lake` puts this text in the place of the old one. Editing your own message does the same. Everybody who was shown it sees the new text, and that it was edited.
help-audience = changes who sees one of your moments
    .details = `audience 3 friends except #work`. Who loses it loses it at once, and what they were shown is taken back. Before more people see it, I say who and how many, and ask.
help-expire = lets one of your moments end by itself
    .details = `expire 3 24h`, `expire 3 7d`, `expire 3 2026-12-24`, `expire 3 never`. From then on nobody sees it, you included; every copy that was shown is taken back, and its key is destroyed, so that it can't be read in backups either.

alias-edit = change
alias-audience = audience of
alias-expire = expires

## Notices
notify-off = You are told of no new moments; `feed` shows them.
notify-digest = You are told once a day how much is new, at { $time }.
notify-now = You get each new moment at once.
notify-tag-off = Of #{ $tag } you are told nothing.
notify-tag-digest = #{ $tag } comes once a day.
notify-tag-now = What #{ $tag } posts comes at once.
notify-quiet = Between { $from } and { $to } nothing about moments comes unasked; it waits.
notify-howto = Change it with `notify off`, `notify digest`, `notify now`, each also for a tag: `notify now #family`. More: `help notify`
notify-unknown = I don't understand that. There are `notify off`, `notify digest`, `notify now`, `notify now #family`, `notify at 8:30` and `notify quiet 22:00-7:00`. Nothing was changed.
digest-head = { $count ->
    [one] One new moment of your friends
   *[other] { $count } new moments of your friends
}
digest-author = { $author }: { $count }
digest-others = others: { $count }
digest-howto = `feed` shows them. Less or more of this: `notify`

help-notify = says how you are told of new moments, or changes it
    .details = `notify digest` once a day in one message, `notify now` each at once, `notify off` not at all. For some friends otherwise: `notify now #family`, `notify off #work`, `notify default #work`. `notify at 8:30` sets the time of the daily message, `notify quiet 22:00-7:00` when nothing comes, `notify quiet off` ends that. Nobody learns what you set.
alias-notify = notifications

## Who may respond
responses-nobody = Nobody but you can like or comment on #{ $number }. What is there stays.
responses-tag = Only who is in #{ $tag } and sees it can like or comment on #{ $number }. What is there stays.
responses-all = All your friends who see #{ $number } can like it and comment on it.
responses-who = Who may like and comment? `all`, `nobody`, or a tag of yours like #family. Nothing was changed.
moment-responses-nobody = Likes and comments: nobody
moment-responses-tag = Likes and comments: #{ $tag }
moment-no-responses = Likes and comments are not open to you here.

## Search
search-none = Nothing that you can see has these words, among the newest.
search-what = What should I look for? Write it like this: `search lake sunday`

help-responses = says who may like and comment on one of your moments
    .details = `responses 3 nobody`, `responses 3 #family`, `responses 3 all`. Whoever it leaves out is told no more than that it is not open to them.
help-search = finds moments by their words
    .details = `search lake sunday` shows the newest of your feed that have all these words, in their texts or in what is said of their pictures; `feed more` goes on.
alias-responses = allow responses
alias-search = find
